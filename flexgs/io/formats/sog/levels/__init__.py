# SPDX-License-Identifier: Apache-2.0
"""Writing streamed SOG: a folder of SOG scenes, cut up in space and in levels of detail."""

from flexgs.io.formats.sog.levels.write import write_levels

__all__ = ["write_levels"]

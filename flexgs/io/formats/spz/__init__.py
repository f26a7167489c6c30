# SPDX-License-Identifier: Apache-2.0
"""SPZ of Niantic, versions 1 to 4."""

from flexgs.io.formats.spz.read import read_spz
from flexgs.io.formats.spz.write import write_spz

__all__ = ["read_spz", "write_spz"]

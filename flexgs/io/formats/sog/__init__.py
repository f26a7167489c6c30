# SPDX-License-Identifier: Apache-2.0
"""SOG: Gaussians as lossless WebP pictures, of PlayCanvas; a zip archive or a folder."""

from flexgs.io.formats.sog.read import read_sog

__all__ = ["read_sog"]

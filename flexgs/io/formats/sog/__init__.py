# SPDX-License-Identifier: Apache-2.0
"""SOG: Gaussians as lossless WebP pictures, of PlayCanvas; a zip archive or a folder."""

from flexgs.io.formats.sog.encode import PRECISIONS, Precision
from flexgs.io.formats.sog.read import read_sog
from flexgs.io.formats.sog.write import write_sog

__all__ = ["PRECISIONS", "Precision", "read_sog", "write_sog"]

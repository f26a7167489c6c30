# SPDX-License-Identifier: Apache-2.0
"""The .compressed.ply format of SuperSplat: 16 bytes a Gaussian, ranges for every 256 of them."""

from flexgs.io.formats.compressed_ply.layout import is_compressed_ply
from flexgs.io.formats.compressed_ply.read import read_compressed_ply
from flexgs.io.formats.compressed_ply.write import write_compressed_ply

__all__ = ["is_compressed_ply", "read_compressed_ply", "write_compressed_ply"]

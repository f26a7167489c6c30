# SPDX-License-Identifier: Apache-2.0
"""Splats <-> `.fgs` bytes: the only place where quant, entropy and container meet."""

from flexgs.codec.decode import Parts, decode_parts, decode_splats
from flexgs.codec.files import read_bytes, read_fgs, write_fgs
from flexgs.codec.info import FileInfo, describe, verify
from flexgs.codec.rd_file.head import rd_chunk_bounds
from flexgs.codec.rd_file.pack import pack_rd
from flexgs.codec.segment.encode import encode_splats

__all__ = [
    "FileInfo",
    "Parts",
    "decode_parts",
    "decode_splats",
    "describe",
    "encode_splats",
    "pack_rd",
    "rd_chunk_bounds",
    "read_bytes",
    "read_fgs",
    "verify",
    "write_fgs",
]

# SPDX-License-Identifier: Apache-2.0
"""Splats + plan <-> `.fgs` bytes: the only place where quant, entropy and container meet."""

from flexgs.codec.decode import decode_splats
from flexgs.codec.encode import encode_splats
from flexgs.codec.files import read_fgs, write_fgs
from flexgs.codec.info import FileInfo, describe, verify

__all__ = [
    "FileInfo",
    "decode_splats",
    "describe",
    "encode_splats",
    "read_fgs",
    "verify",
    "write_fgs",
]

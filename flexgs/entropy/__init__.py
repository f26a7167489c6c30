# SPDX-License-Identifier: Apache-2.0
"""Bytes -> fewer bytes: a table of codecs with hard output bounds, and the choice among them."""

from flexgs.entropy import brotli_codec, lzma_codec, raw, zlib_codec, zstd_codec
from flexgs.entropy.codecs import ByteCodec, Effort, byte_codecs, codec_by_code
from flexgs.entropy.select import compress

__all__ = [
    "ByteCodec",
    "Effort",
    "brotli_codec",
    "byte_codecs",
    "codec_by_code",
    "compress",
    "lzma_codec",
    "raw",
    "zlib_codec",
    "zstd_codec",
]

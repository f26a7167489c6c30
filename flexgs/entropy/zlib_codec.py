# SPDX-License-Identifier: Apache-2.0
"""Codec `zlib`: one raw DEFLATE stream (RFC 1951); the container's CRC makes its own needless."""

from __future__ import annotations

import zlib

from flexgs.entropy.codecs import Effort, byte_codecs, check_length
from flexgs.errors import Corrupt

WINDOW_BITS = -15  # negative: no header, no checksum
DEFAULT_LEVELS: dict[Effort, int] = {"fast": 6, "best": 9}


class Zlib:
    """Huffman codes and matches in 32 KiB; decodes in every browser."""

    name = "zlib"
    code = 1
    decodable = True
    levels = range(10)

    def encode(self, data: bytes, level: int | None, effort: Effort) -> bytes:
        """One stream."""
        chosen = DEFAULT_LEVELS[effort] if level is None else level
        deflate = zlib.compressobj(chosen, zlib.DEFLATED, WINDOW_BITS, 9)
        return deflate.compress(data) + deflate.flush()

    def decode(self, data: bytes, raw_length: int) -> bytes:
        """One stream, nothing behind it."""
        inflate = zlib.decompressobj(WINDOW_BITS)
        try:
            raw = inflate.decompress(data, raw_length + 1)
        except zlib.error as error:
            raise Corrupt(f"not a DEFLATE stream: {error}") from error
        check_length(self.name, inflate.eof and not inflate.unused_data, len(raw), raw_length)
        return raw


byte_codecs.add("zlib", Zlib())

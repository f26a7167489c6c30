# SPDX-License-Identifier: Apache-2.0
"""Codec `brotli`: one Brotli stream (RFC 7932). Small at high qualities, and decodes fast."""

from __future__ import annotations

import brotli

from flexgs.entropy.codecs import Effort, byte_codecs, check_length
from flexgs.errors import Corrupt

DEFAULT_QUALITIES: dict[Effort, int] = {"fast": 5, "best": 10}  # 11 is slower and often larger
WINDOW_BITS = 22
STEP_BYTES = 1 << 20  # the library may overshoot an output limit about twofold


class Brotli:
    """Context-modelled Huffman codes."""

    name = "brotli"
    code = 4
    decodable = True
    levels = range(12)

    def encode(self, data: bytes, level: int | None, effort: Effort) -> bytes:
        """One stream."""
        quality = DEFAULT_QUALITIES[effort] if level is None else level
        return bytes(brotli.compress(data, quality=quality, lgwin=WINDOW_BITS))

    def decode(self, data: bytes, raw_length: int) -> bytes:
        """One stream, nothing behind it; the length so far is checked after every step."""
        decoder = brotli.Decompressor()
        parts: list[bytes] = []
        total, pending = 0, data
        limit = min(raw_length + 1, STEP_BYTES)
        try:
            while not decoder.is_finished() and total <= raw_length:
                part = decoder.process(pending, output_buffer_limit=limit)
                pending = b""
                if not part and decoder.can_accept_more_data() and not decoder.is_finished():
                    break  # wants more than there is
                parts.append(part)
                total += len(part)
        except brotli.error as error:
            raise Corrupt(f"not a Brotli stream: {error}") from error
        check_length(self.name, decoder.is_finished(), total, raw_length)
        return b"".join(parts)


byte_codecs.add("brotli", Brotli())

# SPDX-License-Identifier: Apache-2.0
"""Codec `zstd`: one Zstandard frame (RFC 8878) that declares its content size, without checksum."""

from __future__ import annotations

import zstandard

from flexgs.entropy.codecs import Effort, byte_codecs, check_length
from flexgs.errors import Corrupt

DEFAULT_LEVELS: dict[Effort, int] = {"fast": 3, "best": 19}


class Zstd:
    """Fastest to decode."""

    name = "zstd"
    code = 2
    decodable = True
    levels = range(1, 23)

    def encode(self, data: bytes, level: int | None, effort: Effort) -> bytes:
        """One frame; threads=0, because with more threads the bytes differ."""
        compressor = zstandard.ZstdCompressor(
            level=DEFAULT_LEVELS[effort] if level is None else level,
            threads=0,
            write_checksum=False,
            write_content_size=True,
        )
        return compressor.compress(data)

    def decode(self, data: bytes, raw_length: int) -> bytes:
        """One frame, nothing behind it. The declared size is compared before any allocation."""
        try:
            declared = zstandard.get_frame_parameters(data).content_size
            check_length(self.name, True, declared, raw_length)
            raw = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise Corrupt(f"not a zstd frame: {error}") from error
        check_length(self.name, True, len(raw), raw_length)
        return raw


byte_codecs.add("zstd", Zstd())

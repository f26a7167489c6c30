# SPDX-License-Identifier: Apache-2.0
"""Codec `raw`: the bytes themselves."""

from __future__ import annotations

from flexgs.entropy.codecs import Effort, byte_codecs, check_length


class Raw:
    """For what does not compress."""

    name = "raw"
    code = 0
    decodable = True
    levels = range(1)

    def encode(self, data: bytes, level: int | None, effort: Effort) -> bytes:
        """`data`."""
        return data

    def decode(self, data: bytes, raw_length: int) -> bytes:
        """`data`, when it has the right length."""
        check_length(self.name, True, len(data), raw_length)
        return data


byte_codecs.add("raw", Raw())

# SPDX-License-Identifier: Apache-2.0
"""Codec `lzma`: a raw LZMA2 stream. Its adaptive binary models suit quantised noise best."""

from __future__ import annotations

import lzma
from typing import Any

from flexgs.entropy.codecs import Effort, byte_codecs, check_length
from flexgs.errors import Corrupt

MIN_DICTIONARY = 4096
DEEP_BYTES = 1 << 18  # beyond it a deep search takes seconds and saves under 1 %
MAX_DICTIONARY = 1 << 23  # bounds the decoder's memory


def dictionary_size(raw_length: int) -> int:
    """The smallest power of two that holds the raw data, within bounds; both sides compute it.

    >>> dictionary_size(0), dictionary_size(5000), dictionary_size(1 << 30)
    (4096, 8192, 8388608)
    """
    return min(max(MIN_DICTIONARY, 1 << max(raw_length - 1, 0).bit_length()), MAX_DICTIONARY)


# Quantised values rarely repeat: a tiny dictionary and shallow search are 5 times faster than
# preset 6 and within 1 % of it (SH of a real scene, 4 bits).
_SHALLOW: dict[str, Any] = {
    "dict_size": MIN_DICTIONARY,
    "mode": lzma.MODE_NORMAL,
    "mf": lzma.MF_BT4,
    "nice_len": 32,
    "depth": 4,
}


class Lzma:
    """Literal contexts of 3 bits, no position contexts."""

    name = "lzma"
    code = 3
    decodable = True
    levels = range(10)

    def encode(self, data: bytes, level: int | None, effort: Effort) -> bytes:
        """One stream; `best` is extreme preset 9 where that takes no more than moments."""
        chain: dict[str, Any] = {"id": lzma.FILTER_LZMA2, "lc": 3, "lp": 0, "pb": 0}
        if level is None and (effort == "fast" or len(data) > DEEP_BYTES):
            chain |= _SHALLOW
        else:
            preset = 9 | lzma.PRESET_EXTREME if level is None else level
            chain |= {"preset": preset, "dict_size": dictionary_size(len(data))}
        return lzma.compress(data, format=lzma.FORMAT_RAW, filters=[chain])

    def decode(self, data: bytes, raw_length: int) -> bytes:
        """One stream, nothing behind it."""
        chain = {"id": lzma.FILTER_LZMA2, "dict_size": dictionary_size(raw_length)}
        decoder = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[chain])
        parts: list[bytes] = []
        total = 0
        try:
            while not decoder.eof and total <= raw_length:
                part = decoder.decompress(b"" if parts else data, raw_length + 1 - total)
                if parts and not part and not decoder.eof:
                    break  # wants more than there is
                parts.append(part)
                total += len(part)
        except (lzma.LZMAError, EOFError) as error:
            raise Corrupt(f"not an LZMA2 stream: {error}") from error
        check_length(self.name, decoder.eof and not decoder.unused_data, total, raw_length)
        return parts[0] if len(parts) == 1 else b"".join(parts)


byte_codecs.add("lzma", Lzma())

# SPDX-License-Identifier: Apache-2.0
"""Byte layout of a `.fgs` container: header, table of contents, versions (docs/format.md)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = b"\x89FGS\r\n\x1a\n"  # a high bit, CR LF, ^Z and LF: text-mode damage shows at once
MAJOR = 1  # readers refuse other majors
MINOR = 0  # minors add optional sections only

# magic, major, minor, sections, file length, offset of the table, its CRC, then the header's CRC
HEADER = struct.Struct("<8sHHIQQI")
HEADER_CRC = struct.Struct("<I")
HEADER_BYTES = HEADER.size + HEADER_CRC.size

# kind, flags, codec, index, tag, CRC of the stored bytes, stored length, raw length
ENTRY = struct.Struct("<HBBIIIII")

CRITICAL = 1  # flag: a reader that does not know this kind must refuse the file
KNOWN_FLAGS = CRITICAL
MAX_SECTION_BYTES = 2**32 - 1
RATIO_SLACK_BYTES = 1 << 20  # raw bytes any file may expand to


@dataclass(frozen=True)
class Section:
    """One section as a writer hands it over; sections are ordered by (index, kind)."""

    kind: int  # meaning is the user's, 0..65535
    index: int  # 0 for the whole file, else a part of it
    payload: bytes  # as stored: already compressed
    raw_length: int
    codec: int = 0
    tag: int = 0  # the user's, 32 bits
    critical: bool = True


@dataclass(frozen=True)
class Entry:
    """One line of the table of contents, with the offset that follows from the lengths before."""

    kind: int
    flags: int
    codec: int
    index: int
    tag: int
    crc: int
    stored: int
    raw: int
    offset: int

    @property
    def critical(self) -> bool:
        """Whether a reader must know this kind."""
        return bool(self.flags & CRITICAL)

    @property
    def name(self) -> str:
        """For messages."""
        return f"section {self.kind:#x}, part {self.index}"

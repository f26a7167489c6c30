# SPDX-License-Identifier: Apache-2.0
"""Sections -> one file image."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from flexgs.container.layout import (
    CRITICAL,
    ENTRY,
    HEADER,
    HEADER_BYTES,
    HEADER_CRC,
    MAGIC,
    MAJOR,
    MAX_SECTION_BYTES,
    MINOR,
    Section,
)
from flexgs.errors import TooLarge


def pack(sections: Sequence[Section]) -> bytes:
    """The file: header, payloads in (index, kind) order without gaps, table of contents.

    Raises:
        TooLarge: a section is beyond 4 GiB.
        ValueError: two sections have the same index and kind.
    """
    ordered = sorted(sections, key=lambda section: (section.index, section.kind))
    keys = [(section.index, section.kind) for section in ordered]
    if len(set(keys)) != len(keys):
        raise ValueError("two sections have the same index and kind")
    table = b"".join(_entry(section) for section in ordered)
    offset = HEADER_BYTES + sum(len(section.payload) for section in ordered)
    header = HEADER.pack(
        MAGIC, MAJOR, MINOR, len(ordered), offset + len(table), offset, zlib.crc32(table)
    )
    payloads = [section.payload for section in ordered]
    return b"".join([header, HEADER_CRC.pack(zlib.crc32(header)), *payloads, table])


def _entry(section: Section) -> bytes:
    if max(len(section.payload), section.raw_length) > MAX_SECTION_BYTES:
        raise TooLarge(
            "a section is too large",
            section=f"{section.kind:#x}",
            expected=f"at most {MAX_SECTION_BYTES} bytes",
            found=max(len(section.payload), section.raw_length),
        )
    return ENTRY.pack(
        section.kind,
        CRITICAL if section.critical else 0,
        section.codec,
        section.index,
        section.tag,
        zlib.crc32(section.payload),
        len(section.payload),
        section.raw_length,
    )

# SPDX-License-Identifier: Apache-2.0
"""File image -> sections: everything is validated before the first slice."""

from __future__ import annotations

import zlib
from collections.abc import Set
from dataclasses import dataclass, field

from flexgs.container.layout import (
    ENTRY,
    HEADER,
    HEADER_BYTES,
    HEADER_CRC,
    KNOWN_FLAGS,
    MAGIC,
    MAJOR,
    RATIO_SLACK_BYTES,
    Entry,
)
from flexgs.entropy import codec_by_code
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported
from flexgs.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True)
class Container:
    """A validated file. Reading a section checks its CRC and its length, nothing else can fail."""

    data: memoryview
    version: tuple[int, int]
    entries: tuple[Entry, ...]
    _by_key: dict[tuple[int, int], Entry] = field(repr=False)

    def find(self, kind: int, index: int) -> Entry | None:
        """The entry, or None."""
        return self._by_key.get((index, kind))

    def require(self, kind: int, index: int) -> Entry:
        """The entry.

        Raises:
            Corrupt: there is none.
        """
        entry = self.find(kind, index)
        if entry is None:
            raise Corrupt("a section is missing", section=f"section {kind:#x}, part {index}")
        return entry

    def stored(self, entry: Entry) -> bytes:
        """The bytes as stored, their CRC checked.

        Raises:
            Corrupt: they do not agree with their CRC.
        """
        payload = bytes(self.data[entry.offset : entry.offset + entry.stored])
        _check_crc(payload, entry.crc, entry.name, entry.offset)
        return payload

    def read(self, entry: Entry) -> bytes:
        """The raw bytes.

        Raises:
            FormatError: CRC, codec or length do not agree with the table.
        """
        payload = self.stored(entry)
        try:
            return codec_by_code(entry.codec).decode(payload, entry.raw)
        except FormatError as error:
            raise type(error)(
                error.what,
                section=entry.name,
                offset=entry.offset,
                expected=error.expected,
                found=error.found,
                hint=error.hint,
            ) from error


def unpack(
    data: bytes | memoryview, known_kinds: Set[int], limits: Limits = DEFAULT_LIMITS
) -> Container:
    """Validates header and table of contents; `known_kinds` are those the caller can read.

    Raises:
        Truncated, Corrupt, Unsupported, TooLarge: with section and offset.
    """
    view = memoryview(data).cast("B")
    version, count, table_offset, table_crc = _validate_header(view)
    table = bytes(view[table_offset:])
    _check_crc(table, table_crc, "table of contents", table_offset)
    entries = _read_entries(table, count)
    _validate_entries(entries, table_offset, known_kinds)
    _validate_size(entries, len(view), limits)
    return Container(view, version, entries, {(e.index, e.kind): e for e in entries})


def _validate_header(view: memoryview) -> tuple[tuple[int, int], int, int, int]:
    start = bytes(view[: len(MAGIC)])
    if start != MAGIC[: len(start)]:
        raise Corrupt(
            "not a .fgs file", section="header", offset=0, expected=MAGIC, found=start[:8]
        )
    if len(view) < HEADER_BYTES:
        raise Truncated(
            "the file ends inside its header",
            section="header",
            offset=len(view),
            expected=f"{HEADER_BYTES} bytes",
            found=len(view),
        )
    header = bytes(view[: HEADER.size])
    (crc,) = HEADER_CRC.unpack_from(view, HEADER.size)
    _check_crc(header, crc, "header", 0)
    _, major, minor, count, length, table_offset, table_crc = HEADER.unpack(header)
    if major != MAJOR:
        raise Unsupported(
            "the file has another major version",
            section="header",
            offset=8,
            expected=MAJOR,
            found=f"{major}.{minor}",
            hint=f"a flexgs that reads format {major} opens it",
        )
    if length != len(view):
        kind, what = (Truncated, "ends too early") if length > len(view) else (Corrupt, "goes on")
        raise kind(
            f"the file {what}", section="header", offset=16, expected=length, found=len(view)
        )
    if table_offset < HEADER_BYTES or table_offset + count * ENTRY.size != length:
        raise Corrupt(
            "the table of contents does not end the file",
            section="header",
            offset=24,
            expected=length,
            found=table_offset + count * ENTRY.size,
        )
    return (major, minor), count, table_offset, table_crc


def _read_entries(table: bytes, count: int) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    offset = HEADER_BYTES
    for kind, flags, codec, index, tag, crc, stored, raw in ENTRY.iter_unpack(table):
        entries.append(Entry(kind, flags, codec, index, tag, crc, stored, raw, offset))
        offset += stored
    return tuple(entries)


def _validate_entries(entries: tuple[Entry, ...], table_offset: int, known_kinds: Set[int]) -> None:
    previous = (-1, -1)
    for entry in entries:
        key = (entry.index, entry.kind)
        if key <= previous:
            raise Corrupt(
                "sections are not in order, or one is there twice",
                section=entry.name,
                offset=entry.offset,
            )
        previous = key
        if entry.flags & ~KNOWN_FLAGS:
            raise Unsupported(
                "a section has unknown flags",
                section=entry.name,
                offset=entry.offset,
                expected=f"0..{KNOWN_FLAGS}",
                found=entry.flags,
            )
        if entry.critical and entry.kind not in known_kinds:
            raise Unsupported(
                "the file needs a kind of section that this version does not know",
                section=entry.name,
                offset=entry.offset,
                expected="a known kind",
                found=f"{entry.kind:#x}",
                hint="a newer flexgs may read it",
            )
        if entry.kind in known_kinds:
            codec_by_code(entry.codec)
    end = entries[-1].offset + entries[-1].stored if entries else HEADER_BYTES
    if end != table_offset:
        raise Corrupt(
            "the sections do not fill the file up to the table of contents",
            section="table of contents",
            offset=table_offset,
            expected=table_offset,
            found=end,
        )


def _validate_size(entries: tuple[Entry, ...], file_bytes: int, limits: Limits) -> None:
    raw = sum(entry.raw for entry in entries)
    allowed = min(limits.max_raw_bytes, limits.max_ratio * file_bytes + RATIO_SLACK_BYTES)
    if raw > allowed:
        raise TooLarge(
            "the file would expand too far",
            section="table of contents",
            expected=f"at most {allowed} bytes",
            found=raw,
            hint="raise the limits only for a file you trust",
        )


def _check_crc(payload: bytes, crc: int, section: str, offset: int) -> None:
    found = zlib.crc32(payload)
    if found != crc:
        raise Corrupt(
            "the bytes do not agree with their checksum",
            section=section,
            offset=offset,
            expected=f"{crc:08x}",
            found=f"{found:08x}",
        )

# SPDX-License-Identifier: Apache-2.0
"""Integers of a chunk <-> byte streams, one section each: raw bytes here, codecs elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.segment.head import Head
from flexgs.codec.segment.kinds import MEANS, PLANE, RANGES, SH_LEVELS, Group
from flexgs.codec.segment.symbols import ChunkSymbols, GroupSymbols, band_bounds
from flexgs.container import Container, Entry
from flexgs.errors import Corrupt
from flexgs.quant.grid import MAX_PLANES, Method, cells_to_planes, planes_to_cells
from flexgs.quant.layout import (
    LAYOUTS,
    Layout,
    Symbols,
    plane_size,
    planes_to_symbols,
    symbols_to_planes,
)
from flexgs.quant.packing import join_planes, split_planes
from flexgs.quant.segments import Ranges, check_ranges

U8 = npt.NDArray[np.uint8]
METHODS: tuple[Method, ...] = ("codes", "axes")  # the tag of a means plane is an index into it
RANGE_BYTES = 6  # scale u16, zero point zigzag u32


@dataclass(frozen=True)
class Stream:
    """Raw bytes of one section of a chunk."""

    kind: int
    tag: int
    raw: bytes


def level_bits(degree: int) -> int:
    """Width of an SH level."""
    return max(degree, 1).bit_length()


def chunk_streams(
    head: Head, chunk: ChunkSymbols, method: Method, layouts: Mapping[int, Layout]
) -> list[Stream]:
    """All streams of a chunk; `layouts` by kind of group."""
    tag = METHODS.index(method)
    planes = cells_to_planes(chunk.cells, method)
    streams = [Stream(MEANS + i, tag, plane.tobytes()) for i, plane in enumerate(planes)]
    if head.degree:
        levels = chunk.levels[None]
        streams += _symbol_streams(SH_LEVELS, levels, level_bits(head.degree), layouts[SH_LEVELS])
    for part in chunk.groups:
        kind = part.group.kind
        streams.append(Stream(kind + RANGES, 0, ranges_to_bytes(part.ranges)))
        bits = part.group.bits(head.plan)
        streams += _symbol_streams(kind + PLANE, part.symbols, bits, layouts[kind])
    return streams


def _symbol_streams(kind: int, symbols: Symbols, bits: int, layout: Layout) -> list[Stream]:
    planes = symbols_to_planes(symbols, bits, layout)
    return [Stream(kind + i, layout.number, plane.tobytes()) for i, plane in enumerate(planes)]


def ranges_to_bytes(ranges: Ranges) -> bytes:
    """Two byte planes of the scales, then four of the zigzag zero points, channel by channel."""
    zeros = ranges.zeros.reshape(-1).astype(np.int64)
    zigzag = ((zeros << 1) ^ (zeros >> 63)).astype(np.uint32)
    planes = split_planes(ranges.scales.reshape(-1), 2) + split_planes(zigzag, 4)
    return b"".join(plane.tobytes() for plane in planes)


def ranges_from_bytes(raw: bytes, channels: int, section: str) -> Ranges:
    """The inverse of `ranges_to_bytes`; refuses values that no encoder writes."""
    planes = list(np.frombuffer(raw, np.uint8).reshape(RANGE_BYTES, -1))
    scales = join_planes(planes[:2], np.uint16).astype(np.uint16)
    zigzag = join_planes(planes[2:], np.uint32).astype(np.int64)
    zeros = ((zigzag >> 1) ^ -(zigzag & 1)).astype(np.int32)
    ranges = Ranges(scales.reshape(channels, -1), zeros.reshape(channels, -1))
    check_ranges(ranges, section)
    return ranges


class ChunkReader:
    """Reads the sections of one chunk, their lengths checked before they are decoded."""

    def __init__(self, container: Container, head: Head, index: int) -> None:
        self.container = container
        self.head = head
        self.part = index + 1  # part 0 is the whole file
        first, last = (int(i) for i in head.chunk_segments[index : index + 2])
        self.segments = last - first
        self.bounds = head.bounds[first : last + 1] - head.bounds[first]
        self.rows = int(self.bounds[-1])

    def means_entries(self) -> list[Entry]:
        """The byte planes of the positions, 1 to 8 of them."""
        entries = [self.container.require(MEANS, self.part)]
        for plane in range(1, MAX_PLANES):
            entry = self.container.find(MEANS + plane, self.part)
            if entry is None:
                break
            entries.append(entry)
        return entries

    def check_sizes(self) -> set[tuple[int, int]]:
        """Checks raw lengths of all sections that every row has; returns the keys of all sections.

        Raises:
            Corrupt: a section is missing, or its raw length does not follow from the counts.
        """
        entries = self.means_entries()
        method = _method(entries[0])
        for entry in entries:
            if entry.tag != entries[0].tag:
                raise Corrupt(
                    "planes of different methods", section=entry.name, offset=entry.offset
                )
            _check_raw(entry, self.rows * (1 if method == "codes" else self.head.d))
        if self.head.degree:
            bits = level_bits(self.head.degree)
            entries += self._symbol_entries(SH_LEVELS, 1, self.rows, bits)
        for group in self.head.groups:
            if group.band and self.container.find(group.kind, self.part) is None:
                continue
            ranges = self.container.require(group.kind, self.part)
            _check_raw(ranges, RANGE_BYTES * group.channels * self.segments)
            rows = None if group.band else self.rows
            bits = group.bits(self.head.plan)
            entries += [
                ranges,
                *self._symbol_entries(group.kind + PLANE, group.channels, rows, bits),
            ]
        return {(entry.index, entry.kind) for entry in entries}

    def _symbol_entries(self, kind: int, channels: int, rows: int | None, bits: int) -> list[Entry]:
        entries = [self.container.require(kind, self.part)]
        if bits > 8:
            entries.append(self.container.require(kind + 1, self.part))
        for entry in entries:
            layout = _layout(entry)
            if entry.tag != entries[0].tag:
                raise Corrupt(
                    "planes of different layouts", section=entry.name, offset=entry.offset
                )
            if rows is not None:
                _check_raw(entry, plane_size(channels * rows, bits, layout.packed))
        return entries

    def _symbols(self, kind: int, channels: int, rows: int, bits: int) -> Symbols:
        entries = self._symbol_entries(kind, channels, rows, bits)
        planes = [np.frombuffer(self.container.read(entry), np.uint8) for entry in entries]
        return planes_to_symbols(planes, bits, _layout(entries[0]), (channels, rows))

    def read(self, wanted: Callable[[Group], bool] = lambda group: True) -> ChunkSymbols:
        """All integers of the chunk; groups that are not `wanted` are left out."""
        entries = self.means_entries()
        planes = [np.frombuffer(self.container.read(entry), np.uint8) for entry in entries]
        cells = planes_to_cells(planes, _method(entries[0]), self.head.d)
        levels = np.zeros(self.rows, np.uint8)
        if self.head.degree:
            bits = level_bits(self.head.degree)
            levels = self._symbols(SH_LEVELS, 1, self.rows, bits)[0].astype(np.uint8, copy=False)
            if levels.max(initial=0) > self.head.degree:
                raise Corrupt("a level is beyond the scene's degree", section="sh levels")
        parts = (self._group(group, levels) for group in self.head.groups if wanted(group))
        return ChunkSymbols(cells, levels, tuple(part for part in parts if part is not None))

    def _group(self, group: Group, levels: U8) -> GroupSymbols | None:
        bounds = band_bounds(levels, group.band, self.bounds) if group.band else self.bounds
        rows = int(bounds[-1])
        if group.band and not rows:
            if self.container.find(group.kind, self.part) is not None:
                raise Corrupt("a band without rows has a section", section=group.name)
            return None
        entry = self.container.require(group.kind, self.part)
        ranges = ranges_from_bytes(self.container.read(entry), group.channels, entry.name)
        bits = group.bits(self.head.plan)
        symbols = self._symbols(group.kind + PLANE, group.channels, rows, bits)
        return GroupSymbols(group, ranges, symbols, bounds)


def _check_raw(entry: Entry, expected: int) -> None:
    if entry.raw != expected:
        raise Corrupt(
            "a section's raw length does not follow from the counts",
            section=entry.name,
            offset=entry.offset,
            expected=expected,
            found=entry.raw,
        )


def _method(entry: Entry) -> Method:
    if entry.tag >= len(METHODS):
        raise Corrupt(
            "unknown method of positions",
            section=entry.name,
            offset=entry.offset,
            expected=f"0..{len(METHODS) - 1}",
            found=entry.tag,
        )
    return METHODS[entry.tag]


def _layout(entry: Entry) -> Layout:
    if entry.tag >= LAYOUTS:
        raise Corrupt(
            "unknown layout",
            section=entry.name,
            offset=entry.offset,
            expected=f"0..{LAYOUTS - 1}",
            found=entry.tag,
        )
    return Layout.from_number(entry.tag)

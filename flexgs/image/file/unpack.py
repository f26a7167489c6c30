# SPDX-License-Identifier: Apache-2.0
"""The bytes of a `.fgi` -> Gaussians: all of them, or those that a crop shows."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from flexgs.errors import Corrupt, FormatError, Truncated
from flexgs.image.coding.stream import decode_stream
from flexgs.image.coding.symbols import Plan, Symbols, dequantise, empty_symbols
from flexgs.image.file.head import CRC_BYTES, Head, read_head, tile_grid
from flexgs.image.file.pack import joined, tile_plan
from flexgs.image.model import ImageSplats
from flexgs.io.files import opened_at_random

Crop = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels
_FIRST_READ = 4096


@dataclass
class FgiFile:
    """An open `.fgi`: reads what it is asked for, and counts it."""

    read: Callable[[int, int], bytes]  # (offset, count) -> bytes, fewer at the end
    size: int  # bytes
    path: str | None = None
    bytes_read: int = 0
    head: Head = field(init=False)
    _start: int = field(init=False)

    def __post_init__(self) -> None:
        """Reads the header and chunk 0.

        Raises:
            FormatError: they are not what a writer writes.
        """
        count = _FIRST_READ
        while True:
            data = self._fetch(0, min(count, self.size))
            try:
                self.head, self._start = read_head(memoryview(data), self.size, self.path)
                break
            except Truncated:
                if count >= self.size:
                    raise
                count *= 8
        first = self._start + self.head.lengths[0]
        if len(data) < first + CRC_BYTES:
            data += self._fetch(len(data), first + CRC_BYTES - len(data))
        self.bytes_read = first + CRC_BYTES
        self._check(data[:first], data[first : first + CRC_BYTES], "header and chunk 0", 0)
        self._first = data[self._start : first]

    def _fetch(self, offset: int, count: int) -> bytes:
        data = self.read(offset, count)
        if len(data) != count:
            raise Truncated(
                "the file ends before its content does",
                path=self.path,
                section="chunks",
                offset=offset + len(data),
                expected=f"{count} bytes",
                found=len(data),
            )
        return data

    def _check(self, data: bytes, crc: bytes, section: str, offset: int) -> None:
        if zlib.crc32(data).to_bytes(CRC_BYTES, "little") != crc:
            raise Corrupt(
                "the checksum does not agree",
                path=self.path,
                section=section,
                offset=offset,
                expected=f"{zlib.crc32(data):08x}",
                found=f"{int.from_bytes(crc, 'little'):08x}",
                hint="the file is damaged or not complete",
            )

    def symbols(self, crop: Crop | None = None) -> Symbols:
        """The integers of all Gaussians, or of the chunks that a crop needs.

        Raises:
            FormatError: a chunk is not what a writer writes.
        """
        head = self.head
        parts = [self._decode(head.plan, 0, self._first)]
        if head.tiling is not None:
            own = tile_plan(head.plan, head.tiling)
            shift = head.tiling.bits - head.plan.cell_bits
            across, _ = tile_grid(head.plan, head.tiling)
            for index, offset in self._needed(crop):
                length = head.lengths[index]
                data = self._fetch(offset, length + CRC_BYTES)
                self.bytes_read += len(data)
                self._check(data[:length], data[length:], f"chunk {index}", offset)
                part = self._decode(own, index, data[:length])
                corner = np.array([(index - 1) % across, (index - 1) // across], np.int32)
                cells = part.cells + (corner << shift) + np.int32(head.plan.margin)
                parts.append(replace(part, cells=cells.astype(np.int32)))
        return joined(parts)

    def _decode(self, plan: Plan, index: int, payload: bytes) -> Symbols:
        count = self.head.counts[index]
        try:
            if count == 0 and not payload:
                return empty_symbols(0, self.head.plan.channels)
            return decode_stream(plan, count, payload)
        except FormatError as error:
            error.path, error.section = self.path, f"chunk {index}"
            error.offset = self._start
            raise

    def _needed(self, crop: Crop | None) -> Iterator[tuple[int, int]]:
        """(chunk, offset) of the squares whose Gaussians may reach into the crop."""
        head = self.head
        if head.tiling is None:
            return
        across, _ = tile_grid(head.plan, head.tiling)
        side, margin = 1 << head.tiling.bits, head.tiling.margin
        offset = self._start + head.lengths[0] + CRC_BYTES
        for index in range(1, len(head.counts)):
            if not head.counts[index]:
                continue
            x, y = ((index - 1) % across) * side, ((index - 1) // across) * side
            x0, y0, x1, y1 = crop or (x, y, x + 1, y + 1)
            beside = x - margin < x1 and x + side + margin > x0
            if beside and y - margin < y1 and y + side + margin > y0:
                yield index, offset
            offset += head.lengths[index] + CRC_BYTES

    def splats(self, crop: Crop | None = None) -> ImageSplats:
        """The Gaussians themselves, in the coordinates of the whole image."""
        return dequantise(self.head.plan, self.symbols(crop))


@contextmanager
def open_fgi(path: str | Path) -> Iterator[FgiFile]:
    """A file on disk.

    Raises:
        UsageError: it cannot be read. FormatError: it is no `.fgi`.
    """
    with opened_at_random(path) as (read, size):
        yield FgiFile(read, size, str(path))


def decode_image(data: bytes) -> ImageSplats:
    """The Gaussians of a complete file in memory.

    Raises:
        FormatError: it is not what a writer writes.
    """
    view = memoryview(data)
    return FgiFile(lambda offset, count: bytes(view[offset : offset + count]), len(data)).splats()

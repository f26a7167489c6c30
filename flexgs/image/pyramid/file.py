# SPDX-License-Identifier: Apache-2.0
"""The file of a pyramid: a head, then a complete `.fgi` a level, coarse to fine.

    magic      4 bytes  89 46 47 50 ("FGP" behind a byte that is no text)
    version    1 byte   1
    levels     1 byte   K, 1 to 8
    width      varint   pixels of the whole image
    height     varint
    K times    varint   bytes of the level's `.fgi`
    crc        4 bytes  CRC-32 of all before it, lowest byte first
    K times    a `.fgi` of ceil(width / 2^(K-1-k)) x ceil(height / 2^(K-1-k)) pixels

A prefix that holds the head and k >= 1 complete levels is a file as well: a preview. Readers take a
plain `.fgi` for a file of one level, which needs no head.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flexgs.errors import Corrupt, FormatError, SceneError, Truncated, Unsupported
from flexgs.image.file.head import CRC_BYTES, Cursor, read_size, write_varint
from flexgs.image.file.unpack import Crop, FgiFile
from flexgs.image.model import ImageSplats
from flexgs.image.pyramid.model import MAX_LEVELS, Pyramid, from_level, level_size, needed_levels
from flexgs.io.files import opened_at_random

MAGIC = b"\x89FGP"
VERSION = 1
MAX_LEVEL_BYTES = 1 << 32
# Magic, version, levels, and 5 bytes at most for every number.
HEAD_BYTES_MAX = len(MAGIC) + 2 + 5 * (2 + MAX_LEVELS) + CRC_BYTES


@dataclass(frozen=True)
class PyramidHead:
    """What stands in front of the levels."""

    width: int  # pixels
    height: int
    lengths: tuple[int, ...]  # bytes of the levels, coarse to fine
    size: int  # bytes of the head itself; 0 for a plain `.fgi`

    @property
    def total(self) -> int:
        """Levels of the whole file."""
        return len(self.lengths)

    def offset(self, level: int) -> int:
        """Where a level begins; for `total`, where the file ends."""
        return self.size + sum(self.lengths[:level])

    def complete(self, size: int) -> int:
        """How many levels the first `size` bytes hold."""
        return max(k for k in range(self.total + 1) if k == 0 or self.offset(k) <= size)


def is_pyramid(start: bytes) -> bool:
    """Whether a file that starts so is a pyramid's."""
    return start[: len(MAGIC)] == MAGIC


def pack_pyramid(width: int, height: int, total: int, levels: Sequence[bytes]) -> bytes:
    """The file of an image's levels, each a `.fgi`.

    Raises:
        Unsupported: fewer levels than the pyramid has, or too many.
    """
    if not 1 <= len(levels) == total <= MAX_LEVELS:
        raise Unsupported(
            "a file holds all levels",
            expected=f"{total} of at most {MAX_LEVELS}",
            found=len(levels),
        )
    head = MAGIC + bytes([VERSION, total]) + write_varint(width) + write_varint(height)
    head += b"".join(write_varint(len(level)) for level in levels)
    return head + zlib.crc32(head).to_bytes(CRC_BYTES, "little") + b"".join(levels)


def read_pyramid_head(data: bytes, path: str | None = None) -> PyramidHead:
    """The head of a file, of which `data` is enough of the start.

    Raises:
        FormatError: it is none, or says what cannot be.
    """
    cursor = Cursor(memoryview(data), path)
    start = data[: len(MAGIC)]
    if start != MAGIC:
        kind = Truncated if MAGIC.startswith(start) else Corrupt
        raise cursor.error(kind, "not the file of a pyramid", MAGIC.hex(), start.hex())
    cursor.place = len(MAGIC)
    version = cursor.byte()
    if version != VERSION:
        raise cursor.error(Unsupported, "a pyramid of another version", VERSION, version)
    total = cursor.byte()
    if not 1 <= total <= MAX_LEVELS:
        raise cursor.error(Corrupt, "not a number of levels", f"1 to {MAX_LEVELS}", total)
    width, height = read_size(cursor)
    lengths = tuple(cursor.varint(MAX_LEVEL_BYTES) for _ in range(total))
    crc = zlib.crc32(data[: cursor.place])
    stored = int.from_bytes(bytes(cursor.byte() for _ in range(CRC_BYTES)), "little")
    if stored != crc:
        raise cursor.error(Corrupt, "the head's checksum does not agree", f"{crc:08x}", stored)
    return PyramidHead(width, height, lengths, cursor.place)


@dataclass
class PyramidFile:
    """An open file of one level or of several, or a prefix: reads the levels it is asked for."""

    read: Callable[[int, int], bytes]  # (offset, count) -> bytes, fewer at the end
    size: int  # bytes that are there
    path: str | None = None
    bytes_read: int = 0
    deep: bool = False  # the source had 16 bits a channel; known once a level was read
    head: PyramidHead = field(init=False)
    reached: int = field(init=False)  # complete levels

    def __post_init__(self) -> None:
        """Reads the head.

        Raises:
            FormatError: it is none, not one level is complete, or bytes follow the last.
        """
        start = self.read(0, min(self.size, HEAD_BYTES_MAX))
        if not is_pyramid(start):
            plan = FgiFile(self.read, self.size, self.path).head.plan
            self.head, self.reached = PyramidHead(plan.width, plan.height, (self.size,), 0), 1
            return
        self.head = read_pyramid_head(start, self.path)
        self.bytes_read = self.head.size
        self.reached = self.head.complete(self.size)
        if self.reached == 0:
            raise Truncated(
                "the file ends before its first level does",
                path=self.path,
                section="level 1",
                offset=self.size,
                expected=f"{self.head.offset(1)} bytes",
                found=self.size,
            )
        if self.size > self.head.offset(self.head.total):
            raise Corrupt(
                "bytes follow the last level",
                path=self.path,
                offset=self.head.offset(self.head.total),
            )

    def level(self, index: int, crop: Crop | None = None) -> ImageSplats:
        """The Gaussians of a level, in pixels of the whole image.

        Args:
            crop: of the whole image; chunks of a tiled level that do not reach it may be left out.

        Raises:
            FormatError: the level is not what a writer writes.
        """
        head, halvings = self.head, self.head.total - 1 - index
        offset, length = head.offset(index), head.lengths[index]

        def read(place: int, count: int) -> bytes:
            return self.read(offset + place, max(0, min(count, length - place)))

        try:
            own = FgiFile(read, length, self.path)
            plan, size = own.head.plan, level_size(head.width, head.height, halvings)
            if (plan.width, plan.height) != size:
                raise Corrupt(
                    "the level is of another size",
                    path=self.path,
                    expected="{}x{}".format(*size),
                    found=f"{plan.width}x{plan.height}",
                )
            inner = None
            if crop is not None:
                x0, y0, x1, y1 = crop
                inner = x0 >> halvings, y0 >> halvings, -(-x1 >> halvings), -(-y1 >> halvings)
            splats = own.splats(inner)
        except FormatError as error:
            if head.size:
                where = f"level {index + 1}"
                error.section = f"{where}, {error.section}" if error.section else where
                error.offset = offset + (error.offset or 0)
            raise
        self.bytes_read += own.bytes_read
        self.deep = own.head.deep
        try:
            return from_level(splats, halvings, head.width, head.height)
        except SceneError as error:  # finite at the level's scale, not at the image's
            raise Corrupt(
                "Gaussians are too wide", path=self.path, section=f"level {index + 1}"
            ) from error

    def pyramid(self, zoom: float = 1.0, crop: Crop | None = None) -> Pyramid:
        """The levels that a picture at a zoom needs, as far as they are there.

        Args:
            crop: of the whole image, see `level`.

        Raises:
            FormatError: a level is not what a writer writes, or is another kind of image's.
        """
        count = min(self.reached, needed_levels(self.head.total, zoom))
        levels = tuple(self.level(k, crop) for k in range(count))
        if len({level.channels for level in levels}) != 1:
            raise Corrupt("levels of different colours", path=self.path)
        return Pyramid(levels, self.head.total)


@contextmanager
def open_pyramid(path: str | Path) -> Iterator[PyramidFile]:
    """A file on disk, of one level or of several.

    Raises:
        UsageError: it cannot be read. FormatError: it is no `.fgi`.
    """
    with opened_at_random(path) as (read, size):
        yield PyramidFile(read, size, str(path))


def decode_pyramid(data: bytes, zoom: float = 1.0) -> Pyramid:
    """The levels of a file in memory, or of a prefix of one, that a picture at a zoom needs.

    Raises:
        FormatError: it is not what a writer writes.
    """
    view = memoryview(data)
    file = PyramidFile(lambda offset, n: bytes(view[offset : offset + n]), len(data))
    return file.pyramid(zoom)

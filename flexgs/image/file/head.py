# SPDX-License-Identifier: Apache-2.0
"""What stands in front of the payloads of a `.fgi`: some fifteen bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported
from flexgs.image.coding.symbols import (
    BIAS_MAX,
    BIAS_MIN,
    CELL_BITS_MAX,
    QUALITY_MAX,
    QUALITY_MIN,
    Plan,
)
from flexgs.limits import DEFAULT_LIMITS, MAX_CAMERA_SIDE, MAX_IMAGE_PIXELS

MAGIC = b"\x89FGI"
VERSION = 1
_CHANNELS = (1, 3, 4)
_DEEP, _TILED, _UNUSED = 1 << 2, 1 << 3, 1 << 7
_CELL_SHIFT = 4
TILE_BITS_MIN, TILE_BITS_MAX = 5, 12
MARGIN_MAX = 1 << 12  # of tiles, in pixels
CELL_MARGIN_MAX = 64  # of the image, in cells
_VARINT_BYTES = 5
CRC_BYTES = 4
# Rows that a file of some length may hold; real ones take 3 to 6 bytes each.
ROWS_A_BYTE, ROWS_FREE = 32, 1 << 15


@dataclass(frozen=True)
class Tiling:
    """Squares of 2^bits pixels whose Gaussians reach at most `margin` pixels beyond them."""

    bits: int
    margin: int  # pixels


@dataclass(frozen=True)
class Head:
    """What the integers mean, and where which of them are.

    Chunk 0 holds what reaches far, or everything; with a tiling one chunk a square follows, row by
    row.
    """

    plan: Plan
    deep: bool  # the source had 16 bits a channel
    counts: tuple[int, ...]  # Gaussians of the chunks
    lengths: tuple[int, ...]  # bytes of their payloads
    tiling: Tiling | None = None

    @property
    def n(self) -> int:
        """Number of Gaussians."""
        return sum(self.counts)


def tile_grid(plan: Plan, tiling: Tiling) -> tuple[int, int]:
    """Squares across and down."""
    side = 1 << tiling.bits
    return -(-plan.width // side), -(-plan.height // side)


def write_varint(value: int) -> bytes:
    """Seven bits a byte, lowest first; the top bit says that more follow.

    >>> write_varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


class Cursor:
    """Reads a header; says where it stands when that fails."""

    def __init__(self, data: memoryview, path: str | None = None) -> None:
        self.data, self.place, self.path = data, 0, path

    def byte(self) -> int:
        """The next byte.

        Raises:
            Truncated: there is none.
        """
        if self.place >= len(self.data):
            raise Truncated(
                "the file ends in its header", path=self.path, section="header", offset=self.place
            )
        self.place += 1
        return int(self.data[self.place - 1])

    def varint(self, most: int) -> int:
        """A number of `write_varint`, at most `most`."""
        value = 0
        for k in range(_VARINT_BYTES):
            byte = self.byte()
            value |= (byte & 127) << (7 * k)
            if byte < 128:
                if byte == 0 and k:
                    break
                if value > most:
                    raise self.error(TooLarge, "a number is too large", most, value)
                return value
        raise self.error(Corrupt, "a number is not written as it should be", None, None)

    def error(
        self, kind: type[FormatError], what: str, expected: object, found: object
    ) -> FormatError:
        """An error at this place of the header."""
        return kind(
            what,
            path=self.path,
            section="header",
            offset=self.place,
            expected=expected,
            found=found,
        )


def write_head(head: Head) -> bytes:
    """Header and table of chunks."""
    plan = head.plan
    flags = _CHANNELS.index(plan.channels) | plan.cell_bits << _CELL_SHIFT
    flags |= _DEEP if head.deep else 0
    flags |= _TILED if head.tiling else 0
    out = MAGIC + bytes([VERSION, flags])
    out += write_varint(plan.width) + write_varint(plan.height)
    out += bytes([plan.quality - QUALITY_MIN])
    out += bytes([_nibbles(plan.size_bias, plan.ratio_bias)])
    out += bytes([_nibbles(plan.angle_bias, plan.place_bias), plan.margin])
    if head.tiling is None:
        return out + write_varint(head.counts[0])
    out += bytes([head.tiling.bits]) + write_varint(head.tiling.margin)
    for count, length in zip(head.counts, head.lengths, strict=True):
        out += write_varint(count) + (write_varint(length) if count else b"")
    return out


def _nibbles(low: int, high: int) -> int:
    return (low - BIAS_MIN) | (high - BIAS_MIN) << 4


def read_head(data: memoryview, length: int, path: str | None = None) -> tuple[Head, int]:
    """The header and how many bytes it has.

    Args:
        data: the file, or enough of its start.
        length: of the whole file in bytes.

    Raises:
        FormatError: it is not one, or says what cannot be.
    """
    cursor = Cursor(data, path)
    start = bytes(data[: len(MAGIC)])
    if start != MAGIC:
        kind = Truncated if MAGIC.startswith(start) else Corrupt
        raise cursor.error(kind, "not a .fgi file", MAGIC.hex(), start.hex())
    cursor.place = len(MAGIC)
    version = cursor.byte()
    if version != VERSION:
        raise cursor.error(
            Unsupported, "a .fgi of another version; a newer flexgs may read it", VERSION, version
        )
    flags = cursor.byte()
    if flags & _UNUSED or flags & 3 >= len(_CHANNELS):
        raise cursor.error(Unsupported, "flags of a newer version", None, f"{flags:#04x}")
    plan = _read_plan(cursor, flags)
    if flags & _TILED:
        tiling, counts, lengths = _read_table(cursor, plan, length)
    else:
        counts, lengths, tiling = (cursor.varint(2**32),), (-1,), None
    rest = length - cursor.place - CRC_BYTES * len([n for n in counts[1:] if n]) - CRC_BYTES
    if tiling is None:
        lengths = (rest,)
    if rest < 0 or sum(lengths) != rest:
        kind = Truncated if sum(lengths) > rest else Corrupt
        raise cursor.error(
            kind, "the payloads do not fill the file", f"{sum(lengths)} bytes", f"{rest} bytes"
        )
    total = sum(counts)
    if total > min(ROWS_A_BYTE * length + ROWS_FREE, DEFAULT_LIMITS.max_gaussians):
        raise cursor.error(
            TooLarge, "more Gaussians than such a file can hold", "fewer", f"{total} in {length} B"
        )
    return Head(plan, bool(flags & _DEEP), counts, lengths, tiling), cursor.place


def read_size(cursor: Cursor) -> tuple[int, int]:
    """Width and height of an image.

    Raises:
        FormatError: none that an image may have.
    """
    width, height = cursor.varint(MAX_CAMERA_SIDE), cursor.varint(MAX_CAMERA_SIDE)
    if min(width, height) < 1 or width * height > MAX_IMAGE_PIXELS:
        raise cursor.error(
            TooLarge,
            "not the size of an image",
            f"1 to {MAX_IMAGE_PIXELS} pixels",
            f"{width}x{height}",
        )
    return width, height


def _read_plan(cursor: Cursor, flags: int) -> Plan:
    width, height = read_size(cursor)
    quality = cursor.byte() + QUALITY_MIN
    shape, place, margin = cursor.byte(), cursor.byte(), cursor.byte()
    if margin > CELL_MARGIN_MAX:
        raise cursor.error(Corrupt, "too wide a margin", CELL_MARGIN_MAX, margin)
    return Plan(
        width,
        height,
        _CHANNELS[flags & 3],
        quality,
        (shape & 15) + BIAS_MIN,
        (shape >> 4) + BIAS_MIN,
        (place & 15) + BIAS_MIN,
        (place >> 4) + BIAS_MIN,
        flags >> _CELL_SHIFT & CELL_BITS_MAX,
        margin,
    )


def _read_table(
    cursor: Cursor, plan: Plan, length: int
) -> tuple[Tiling, tuple[int, ...], tuple[int, ...]]:
    bits = cursor.byte()
    if not TILE_BITS_MIN <= bits <= TILE_BITS_MAX:
        raise cursor.error(Corrupt, "tiles of no legal size", None, bits)
    tiling = Tiling(bits, cursor.varint(MARGIN_MAX))
    chunks = 1 + int(np.prod(tile_grid(plan, tiling)))
    if chunks > length:
        raise cursor.error(Truncated, "more tiles than bytes", f"{chunks} bytes", length)
    counts, lengths = [], []
    for _ in range(chunks):
        counts.append(cursor.varint(2**32))
        lengths.append(cursor.varint(2**32) if counts[-1] else 0)
    return tiling, tuple(counts), tuple(lengths)


def check_plan(plan: Plan) -> None:
    """Whether a header can say this plan. A programmer's error otherwise.

    Raises:
        FormatError: it cannot.
    """
    biases = (plan.size_bias, plan.ratio_bias, plan.angle_bias, plan.place_bias)
    if not (
        QUALITY_MIN <= plan.quality <= QUALITY_MAX
        and all(BIAS_MIN <= bias <= BIAS_MAX for bias in biases)
        and 0 <= plan.cell_bits <= CELL_BITS_MAX
        and 0 <= plan.margin <= CELL_MARGIN_MAX
        and plan.channels in _CHANNELS
    ):
        raise Unsupported("a plan that no header can say", found=plan)

# SPDX-License-Identifier: Apache-2.0
"""Where the Gaussians are: how many lie in each half, quarter, ... of the image.

The order of a set is free. Its cells are told by halving the image again and again and coding how
many of a part's Gaussians lie in its left or upper half: log2(n!) bits less than n coordinates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import log2_sixteenths
from flexgs.entropy.contexts import CODING
from flexgs.entropy.contexts.options import INLINED
from flexgs.image.coding.calls import Stream, bit_in, int_in

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

FEW = 8  # counts up to it have decisions of their own
COUNTS = 24  # classes of a count
SHARES = 4  # quarters of the second half that lie inside of the image
TILTS = 7
LEVELS = 12
FIRST_B = COUNTS * SHARES
FIRST_C = FIRST_B + COUNTS * TILTS
CELL_CONTEXTS = FIRST_C + COUNTS * LEVELS
CELL_MIXERS = COUNTS
GRID_LIMIT = 1 << 16  # parts of a level whose neighbours are looked at, if not 4 n
EVEN = TILTS // 2


class Level(NamedTuple):
    """The parts that are to be halved next, all of one size."""

    axis: int  # that is halved
    half: int  # cells
    side: int  # of the image along the axis, in cells
    stride: int  # parts across
    last: int  # part along the axis
    depth: int  # halvings that are left after this one
    seen: bool  # whether neighbours are looked at


def root_bits(width: int, height: int) -> tuple[int, int]:
    """log2 of the sides of the smallest box of powers of two around a grid of cells."""
    return (width - 1).bit_length(), (height - 1).bit_length()


def cell_order(cells: I32, width: int, height: int) -> I64:  # (n, 2) -> (n,)
    """Keys that sort cells the way `code_cells` tells them: the longer side is halved first."""
    across, down = root_bits(width, height)
    keys = np.zeros(len(cells), np.int64)
    while across or down:
        if across >= down:
            across -= 1
            bit = cells[:, 0] >> across
        else:
            down -= 1
            bit = cells[:, 1] >> down
        keys = 2 * keys + (bit & 1)
    return keys


@njit(**INLINED)
def _count_class(n: int) -> int:
    return n - 1 if n <= FEW else int(min(FEW + (log2_sixteenths(n) >> 3) - 6, COUNTS - 1))


@njit(**INLINED)
def _tilt(before: int, after: int) -> int:
    """How much fuller the part behind is than the part in front, in octaves; -3..3, + 3."""
    difference = log2_sixteenths(after + 1) - log2_sixteenths(before + 1)
    return int(min(max((difference + 8) >> 4, -EVEN), EVEN)) + EVEN


@njit(**CODING)
def _code_count(stream: Stream, n: int, share: int, tilt: int, depth: int, count: int) -> int:
    """How many of n are in the first half, given or decoded; anything when hostile."""
    kind = _count_class(n)
    a = kind * SHARES + share - 1
    b = FIRST_B + kind * TILTS + tilt
    c = FIRST_C + kind * LEVELS + min(depth, LEVELS - 1)
    if n > FEW:
        expected = (n * SHARES + (SHARES + share) // 2) // (SHARES + share)
        return int(int_in(stream, a, b, c, kind, count - expected) + expected)
    found = 0
    while found < n:
        if not bit_in(stream, a, b, c, kind, found, np.int64(count > found)):
            break
        found += 1
    return found


@njit(**CODING)
def _halve(
    stream: Stream,
    level: Level,
    cells: I32,
    grid: I32,
    nodes: I64,  # (used, 2) parts that hold something, in order
    counts: I64,  # (used,)
    below: I64,
    counts_below: I64,
    decoding: bool,
) -> int:
    """Parts of the next level; their number, or -1 where a payload makes no sense."""
    axis, found, place = level.axis, 0, 0
    step = level.stride if axis else 1
    for k in range(len(counts)):
        count, first = counts[k], np.int64(0)
        middle = (2 * nodes[k, axis] + 1) * level.half
        if not decoding:
            for row in range(place, place + count):
                first += np.int64(cells[row, axis] < middle)
            place += count
        if middle >= level.side:
            first = count
        else:
            tilt = EVEN
            if level.seen:
                here = nodes[k, 0] + level.stride * nodes[k, 1]
                before = grid[here - step] if nodes[k, axis] > 0 else 0
                after = grid[here + step] if nodes[k, axis] < level.last else 0
                tilt = _tilt(before, after)
            inside = min(level.side - middle, level.half)
            share = (SHARES * inside + level.half - 1) // level.half
            first = np.int64(_code_count(stream, count, share, tilt, level.depth, first))
            if first < 0 or first > count:
                return -1
        for upper in range(2):
            inside = count - first if upper else first
            if inside:
                below[found] = nodes[k]
                below[found, axis] = 2 * nodes[k, axis] + upper
                counts_below[found] = inside
                found += 1
    return found


@njit(**CODING)
def code_cells(
    stream: Stream,
    sides: I64,  # (2,) of the grid of cells
    bits: I64,  # (2,) of `root_bits`
    cells: I32,  # (n, 2) in the order of `cell_order`, read or written
    decoding: bool,
) -> bool:
    """Encodes or decodes; False where a payload puts Gaussians where none can be."""
    n = len(cells)
    nodes, counts = np.zeros((n, 2), np.int64), np.zeros(n, np.int64)
    below, counts_below = np.zeros((n, 2), np.int64), np.zeros(n, np.int64)
    limit = max(GRID_LIMIT, 4 * n)
    grid = np.zeros(limit, np.int32)
    counts[:1] = n
    used, across, down = min(n, 1), bits[0], bits[1]
    while across > 0 or down > 0:
        axis = 0 if across >= down else 1
        stride, tall = np.int64(1) << (bits[0] - across), np.int64(1) << (bits[1] - down)
        seen = stride * tall <= limit
        if seen:
            grid[: stride * tall] = 0
            for k in range(used):
                grid[nodes[k, 0] + stride * nodes[k, 1]] = counts[k]
        if axis == 0:
            across -= 1
        else:
            down -= 1
        half = np.int64(1) << (down if axis else across)
        last = (tall if axis else stride) - 1
        level = Level(axis, half, sides[axis], stride, last, across + down, seen)
        used = _halve(
            stream, level, cells, grid, nodes[:used], counts[:used], below, counts_below, decoding
        )
        if used < 0:
            return False
        nodes, below = below, nodes
        counts, counts_below = counts_below, counts
    place = 0
    for k in range(used):
        for _ in range(counts[k]):
            cells[place, 0], cells[place, 1] = nodes[k, 0], nodes[k, 1]
            place += 1
    return True

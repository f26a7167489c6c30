# SPDX-License-Identifier: Apache-2.0
"""Depth order and tile lists: a stable radix sort, then a stable parallel counting sort."""

from __future__ import annotations

import numba as nb
import numpy as np

from flexgs.render.cpu.common import EXACT, EXACT_PARALLEL, TILE
from flexgs.render.cpu.project import tile_columns, tile_rows

CHUNKS = 16  # of Gaussians in the counting sort; fixed, so the result never depends on threads
DIGIT = 11


@nb.njit(**EXACT)
def depth_order(depths, tiles):  # type: ignore[no-untyped-def]
    """Indices (m,) i32 of the visible Gaussians by depth, ties by index.

    Positive floats sort like their bit patterns: three stable passes of 11 bits.
    """
    m = 0
    for i in range(len(tiles)):
        m += tiles[i] > 0
    keys = np.empty(m, np.uint32)
    ids = np.empty(m, np.int32)
    bits = depths.view(np.uint32)
    m = 0
    for i in range(len(tiles)):
        if tiles[i] > 0:
            keys[m] = bits[i]
            ids[m] = i
            m += 1
    other_keys, other_ids = np.empty_like(keys), np.empty_like(ids)
    mask = np.uint32((1 << DIGIT) - 1)
    for shift in (0, DIGIT, 2 * DIGIT):
        starts = np.zeros((1 << DIGIT) + 1, np.int64)
        for r in range(m):
            starts[((keys[r] >> np.uint32(shift)) & mask) + np.uint32(1)] += 1
        for digit in range(1 << DIGIT):
            starts[digit + 1] += starts[digit]
        for r in range(m):
            digit = (keys[r] >> np.uint32(shift)) & mask
            other_keys[starts[digit]] = keys[r]
            other_ids[starts[digit]] = ids[r]
            starts[digit] += 1
        keys, other_keys = other_keys, keys
        ids, other_ids = other_ids, ids
    return ids


@nb.njit(**EXACT)
def list_starts(cursor):  # type: ignore[no-untyped-def]
    """Where each tile's list starts, (tiles + 1,) i64.

    Changes `cursor` (chunks, tiles) i64 from how many members each chunk has in each list to
    where the first of them goes: a list's members are in the order of the chunks.
    """
    chunks, count = cursor.shape
    starts = np.zeros(count + 1, np.int64)
    total = 0
    for tile in range(count):
        starts[tile] = total
        for chunk in range(chunks):
            size = cursor[chunk, tile]
            cursor[chunk, tile] = total
            total += size
    starts[count] = total
    return starts


@nb.njit(**EXACT_PARALLEL)
def tile_lists(records, ids, tiles, rows, columns):  # type: ignore[no-untyped-def]
    """The Gaussians of each tile, front to back.

    Returns:
        offsets (m + 1,) i64: pair slots of record r are offsets[r]..offsets[r + 1], by tile.
        starts (rows * columns + 1,) i64: where each tile's list starts.
        members (pairs,) i32: record numbers; slots (pairs,) i32: their pair slots.
    """
    m, count = len(ids), rows * columns
    offsets = np.zeros(m + 1, np.int64)
    for r in range(m):
        offsets[r + 1] = offsets[r] + tiles[ids[r]]
    step = (m + CHUNKS - 1) // CHUNKS
    cursor = np.zeros((CHUNKS, count), np.int64)
    for chunk in nb.prange(CHUNKS):
        for r in range(chunk * step, min(m, (chunk + 1) * step)):
            first, last = tile_rows(records[r], rows)
            for row in range(first, last):
                left, right = tile_columns(records[r], row, columns)
                for column in range(left, right):
                    cursor[chunk, row * columns + column] += 1
    starts = list_starts(cursor)
    members = np.empty(starts[count], np.int32)
    slots = np.empty(starts[count], np.int32)
    for chunk in nb.prange(CHUNKS):
        for r in range(chunk * step, min(m, (chunk + 1) * step)):
            slot = offsets[r]
            first, last = tile_rows(records[r], rows)
            for row in range(first, last):
                left, right = tile_columns(records[r], row, columns)
                for column in range(left, right):
                    position = cursor[chunk, row * columns + column]
                    members[position] = r
                    slots[position] = slot
                    cursor[chunk, row * columns + column] = position + 1
                    slot += 1
    return offsets, starts, members, slots


def tile_grid(width: int, height: int) -> tuple[int, int]:
    """Tile rows and columns of an image."""
    return (height + TILE - 1) // TILE, (width + TILE - 1) // TILE

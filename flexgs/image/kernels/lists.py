# SPDX-License-Identifier: Apache-2.0
"""Records of Gaussians, and which of them reach which tile."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from flexgs.image.kernels.common import (
    CURVE_X,
    CURVE_Y,
    CUT,
    EDGE_X,
    EDGE_Y,
    F0,
    HALF_HEIGHT,
    HALF_WIDTH,
    INV_X,
    INV_Y,
    KERNEL,
    MX,
    MY,
    OPACITY,
    PARALLEL,
    RECORD,
    SLOPE_X,
    SLOPE_Y,
    TILE,
    P,
    Q,
    R,
)
from flexgs.render.cpu.binning import list_starts

CHUNKS = 16  # of Gaussians in the counting sort; fixed, so the result never depends on threads
HALF = np.float32(0.5)
ROOT_HALF = np.float32(math.sqrt(0.5))
REACH = np.float32(math.sqrt(2 * float(CUT)))  # in standard deviations
SLACK = np.float32(1e-3)  # pixels; rounding never loses a pixel that a Gaussian reaches
LAST = np.float32(TILE - 1)


@nb.njit(**PARALLEL)
def make_records(means, cholesky, opacities):  # type: ignore[no-untyped-def]
    """records (n, RECORD) of Gaussians means (n, 2), cholesky (n, 3), opacities (n,), all f32."""
    n = len(means)
    records = np.empty((n, RECORD), np.float32)
    for g in nb.prange(n):
        l11, l21, l22 = cholesky[g, 0], cholesky[g, 1], cholesky[g, 2]
        record = records[g]
        yy = l21 * l21 + l22 * l22
        record[MX], record[MY] = means[g, 0], means[g, 1]
        record[P] = ROOT_HALF / l11
        record[R] = ROOT_HALF / l22
        record[Q] = -ROOT_HALF * l21 / (l11 * l22)
        record[HALF_WIDTH] = REACH * l11
        record[HALF_HEIGHT] = REACH * math.sqrt(yy)
        record[SLOPE_X] = l11 * l21 / yy
        record[CURVE_Y] = HALF / yy
        record[INV_X] = np.float32(2.0) * (l11 * l22) * (l11 * l22) / yy
        record[EDGE_Y] = REACH * l21
        record[SLOPE_Y] = l21 / l11
        record[CURVE_X] = record[P] * record[P]
        record[INV_Y] = np.float32(2.0) * l22 * l22
        record[EDGE_X] = REACH * l11 * l21 / math.sqrt(yy)
        record[OPACITY] = opacities[g]
    return records


@nb.njit(inline="always", **KERNEL)
def span(low, high, half, slope, curve, inverse, edge):  # type: ignore[no-untyped-def]
    """(first, last) extent of an ellipse across the band low..high, first > last if it misses.

    All are distances from the mean; `half` is the ellipse's reach in the band's direction.
    """
    low, high = max(low, -half), min(high, half)
    if low > high:
        return np.float32(1.0), np.float32(-1.0)
    at = min(max(edge, low), high)
    last = slope * at + math.sqrt(max(F0, (CUT - curve * at * at) * inverse))
    at = min(max(-edge, low), high)
    first = slope * at - math.sqrt(max(F0, (CUT - curve * at * at) * inverse))
    return first - SLACK, last + SLACK


@nb.njit(inline="always", **KERNEL)
def first_cell(position, size):  # type: ignore[no-untyped-def]
    """First cell of `size` pixels with a pixel centre at or after `position`, at least -1."""
    pixel = int(math.ceil(min(max(position, np.float32(-1e6)), np.float32(1e6)) - HALF))
    return pixel // size


@nb.njit(inline="always", **KERNEL)
def end_cell(position, size):  # type: ignore[no-untyped-def]
    """Last-plus-one cell of `size` pixels with a pixel centre at or before `position`."""
    pixel = int(math.floor(min(max(position, np.float32(-1e6)), np.float32(1e6)) - HALF))
    return pixel // size + 1


@nb.njit(inline="always", **KERNEL)
def tile_rows(record, top, bottom):  # type: ignore[no-untyped-def]
    """First and last-plus-one tile row that a Gaussian reaches, within top..bottom."""
    first = first_cell(record[MY] - record[HALF_HEIGHT] - SLACK, TILE)
    end = end_cell(record[MY] + record[HALF_HEIGHT] + SLACK, TILE)
    return max(top, first), min(bottom, end)


@nb.njit(inline="always", **KERNEL)
def tile_columns(record, row, left, right):  # type: ignore[no-untyped-def]
    """First and last-plus-one tile that a Gaussian reaches in a tile row, within left..right."""
    low = np.float32(row * TILE) + HALF - record[MY]
    first, last = span(
        low,
        low + LAST,
        record[HALF_HEIGHT] + SLACK,
        record[SLOPE_X],
        record[CURVE_Y],
        record[INV_X],
        record[EDGE_Y],
    )
    if first > last:
        return left, left
    begin = first_cell(record[MX] + first, TILE)
    end = end_cell(record[MX] + last, TILE)
    return max(left, begin), max(max(left, begin), min(right, end))


@nb.njit(inline="always", **KERNEL)
def pixel_rows(record, x0, y0):  # type: ignore[no-untyped-def]
    """First and last-plus-one row (0..16) of the tile at x0, y0 that a Gaussian reaches."""
    low = np.float32(x0) + HALF - record[MX]
    first, last = span(
        low,
        low + LAST,
        record[HALF_WIDTH] + SLACK,
        record[SLOPE_Y],
        record[CURVE_X],
        record[INV_Y],
        record[EDGE_X],
    )
    begin = max(0, first_cell(record[MY] + first, 1) - y0)
    end = min(TILE, end_cell(record[MY] + last, 1) - y0)
    return begin, max(begin, end)


@nb.njit(**PARALLEL)
def tile_lists(records, window):  # type: ignore[no-untyped-def]
    """The Gaussians of each tile of window (left, top, right, bottom; in tiles), in stored order.

    Returns:
        offsets (n + 1,) i64: the pair slots of Gaussian g are offsets[g]..offsets[g + 1].
        starts (tiles + 1,) i64: where each tile's list starts.
        members (pairs,) i32: Gaussians; slots (pairs,) i32: their pair slots.
    """
    left, top, right, bottom = window
    n, columns = len(records), right - left
    count = (bottom - top) * columns
    step = (n + CHUNKS - 1) // CHUNKS
    cursor = np.zeros((CHUNKS, count), np.int64)
    offsets = np.zeros(n + 1, np.int64)
    for chunk in nb.prange(CHUNKS):
        for g in range(chunk * step, min(n, (chunk + 1) * step)):
            first, last = tile_rows(records[g], top, bottom)
            for row in range(first, last):
                begin, end = tile_columns(records[g], row, left, right)
                offsets[g + 1] += end - begin
                for column in range(begin, end):
                    cursor[chunk, (row - top) * columns + column - left] += 1
    for g in range(n):
        offsets[g + 1] += offsets[g]
    starts = list_starts(cursor)
    members = np.empty(starts[count], np.int32)
    slots = np.empty(starts[count], np.int32)
    for chunk in nb.prange(CHUNKS):
        for g in range(chunk * step, min(n, (chunk + 1) * step)):
            slot = offsets[g]
            first, last = tile_rows(records[g], top, bottom)
            for row in range(first, last):
                begin, end = tile_columns(records[g], row, left, right)
                for column in range(begin, end):
                    tile = (row - top) * columns + column - left
                    members[cursor[chunk, tile]] = g
                    slots[cursor[chunk, tile]] = slot
                    cursor[chunk, tile] += 1
                    slot += 1
    return offsets, starts, members, slots

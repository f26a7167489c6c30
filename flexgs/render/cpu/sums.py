# SPDX-License-Identifier: Apache-2.0
"""The second pass over the tiles: per-pair sums, then one segmented sum per Gaussian.

Every pair of a Gaussian and a tile owns one row of a buffer, in the order of the Gaussians; a
Gaussian's rows are added up one after the other. No atomics: any number of threads gives the same
bits.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from flexgs.render.cpu.blend import (
    CHECK_EVERY,
    blend_tile,
    first_row,
    last_row,
    row_misses,
    start_tile,
    tile_is_done,
)
from flexgs.render.cpu.common import (
    AREA,
    BLUE,
    EXACT_PARALLEL,
    F0,
    GREEN,
    HALF_A,
    HALF_C,
    KERNEL,
    MX,
    MY,
    OPACITY,
    PARALLEL,
    RED,
    TILE,
    B,
)
from flexgs.render.cpu.rows import fisher_row, gradient_row, misfit_row, removal_row

REMOVAL, GRADIENT, FISHER, MISFIT = 0, 1, 2, 3
REMOVAL_SUMS = 5  # D^2, r D, w, w^2, hits
GRADIENT_SUMS = 9  # D.v times 1, x, y, xx, xy, yy; w v (3)
MISFIT_SUMS = GRADIENT_SUMS + 1  # those of GRADIENT for v = misfit, then D^2
# Q times 1, x, y, xx, xy, yy, xxx, ..., yyyy; w^2; per channel w D times 1, x, y, xx, xy, yy
SQUARE = 15
CROSS = SQUARE + 1
FISHER_SUMS = CROSS + 18


@nb.njit(**KERNEL)
def _add_removal(out, sums):  # type: ignore[no-untyped-def]
    for k in range(REMOVAL_SUMS):
        out[k] += sums[k]


@nb.njit(**KERNEL)
def _add_gradient(out, sums, y):  # type: ignore[no-untyped-def]
    out[0] += sums[0]
    out[1] += sums[1]
    out[2] += sums[0] * y
    out[3] += sums[2]
    out[4] += sums[1] * y
    out[5] += sums[0] * y * y
    out[6] += sums[3]
    out[7] += sums[4]
    out[8] += sums[5]


@nb.njit(**KERNEL)
def _add_fisher(out, sums, y):  # type: ignore[no-untyped-def]
    q0, q1, q2, q3, q4, square, r0, r1, r2, g0, g1, g2, b0, b1, b2 = sums
    y2 = y * y
    out[0] += q0
    out[1] += q1
    out[2] += q0 * y
    out[3] += q2
    out[4] += q1 * y
    out[5] += q0 * y2
    out[6] += q3
    out[7] += q2 * y
    out[8] += q1 * y2
    out[9] += q0 * y2 * y
    out[10] += q4
    out[11] += q3 * y
    out[12] += q2 * y2
    out[13] += q1 * y2 * y
    out[14] += q0 * y2 * y2
    out[15] += square
    out[16] += r0
    out[17] += r1
    out[18] += r0 * y
    out[19] += r2
    out[20] += r1 * y
    out[21] += r0 * y2
    out[22] += g0
    out[23] += g1
    out[24] += g0 * y
    out[25] += g2
    out[26] += g1 * y
    out[27] += g0 * y2
    out[28] += b0
    out[29] += b1
    out[30] += b0 * y
    out[31] += b2
    out[32] += b1 * y
    out[33] += b0 * y2


@nb.njit(**KERNEL)
def _prepare(state, mode, extra, x0, y0):  # type: ignore[no-untyped-def]
    """From the finished forward state to that of the second pass: S = finished colours, T = 1."""
    height, width = extra.shape[0], extra.shape[1]
    for row in range(min(TILE, height - y0)):
        for lane in range(min(TILE, width - x0)):
            i = row * TILE + lane
            state[i] = np.float32(1.0)
            e0, e1, e2 = (
                extra[y0 + row, x0 + lane, 0],
                extra[y0 + row, x0 + lane, 1],
                extra[y0 + row, x0 + lane, 2],
            )
            c0, c1, c2 = state[i + AREA], state[i + 2 * AREA], state[i + 3 * AREA]
            if mode in (REMOVAL, MISFIT):  # residual against the target
                state[i + 4 * AREA] = c0 - e0
                state[i + 5 * AREA] = c1 - e1
                state[i + 6 * AREA] = c2 - e2
            elif mode == GRADIENT:
                state[i + AREA] = c0 * e0 + c1 * e1 + c2 * e2
                state[i + 2 * AREA] = e0
                state[i + 3 * AREA] = e1
                state[i + 4 * AREA] = e2


@nb.njit(**KERNEL)
def _sum_tile(state, records, members, slots, x0, y0, mode, out):  # type: ignore[no-untyped-def]
    for k in range(len(members)):
        if k % CHECK_EVERY == CHECK_EVERY - 1 and tile_is_done(state):
            break
        g = records[members[k]]
        pair = out[slots[k]]
        dx = np.float32(x0) + np.float32(0.5) - g[MX]
        for row in range(first_row(g, y0), last_row(g, y0)):
            y = np.float32(y0 + row) + np.float32(0.5) - g[MY]
            if row_misses(g, dx, y):
                continue
            at = np.uint64(row * TILE)
            a, linear, constant, o = g[HALF_A], g[B] * y, g[HALF_C] * y * y, g[OPACITY]
            red, green, blue = g[RED], g[GREEN], g[BLUE]
            if mode == REMOVAL:
                _add_removal(
                    pair, removal_row(state, at, dx, a, linear, constant, o, red, green, blue)
                )
            elif mode == GRADIENT:
                _add_gradient(
                    pair, gradient_row(state, at, dx, a, linear, constant, o, red, green, blue), y
                )
            elif mode == MISFIT:
                row_sums = misfit_row(state, at, dx, a, linear, constant, o, red, green, blue)
                _add_gradient(pair, row_sums[:6], y)
                pair[GRADIENT_SUMS] += row_sums[6]
            else:
                _add_fisher(
                    pair, fisher_row(state, at, dx, a, linear, constant, o, red, green, blue), y
                )


@nb.njit(**PARALLEL)
def sum_pairs(  # type: ignore[no-untyped-def]
    records, starts, members, slots, order, columns, mode, extra, pairs
):
    """Fills pairs (p, sums) f32 of the tiles in `order`.

    extra (h, w, 3) f32: the target for REMOVAL and MISFIT, pixel weights for GRADIENT, unused for
    FISHER.
    """
    height, width = extra.shape[0], extra.shape[1]
    for k in nb.prange(len(order)):
        tile = order[k]
        x0, y0 = (tile % columns) * TILE, (tile // columns) * TILE
        mine = members[starts[tile] : starts[tile + 1]]
        my_slots = slots[starts[tile] : starts[tile + 1]]
        state = np.empty(7 * AREA, np.float32)
        start_tile(state, x0, y0, width, height)
        blend_tile(state, records, mine, x0, y0)
        for slot in my_slots:
            pairs[slot, :] = F0
        _prepare(state, mode, extra, x0, y0)
        _sum_tile(state, records, mine, my_slots, x0, y0, mode, pairs)


@nb.njit(**EXACT_PARALLEL)
def sum_gaussians(pairs, offsets, out):  # type: ignore[no-untyped-def]
    """out[r] (m, sums) f64 = sum of the rows of record r."""
    for r in nb.prange(len(offsets) - 1):
        for k in range(out.shape[1]):
            out[r, k] = 0.0
        for p in range(offsets[r], offsets[r + 1]):
            for k in range(out.shape[1]):
                out[r, k] += pairs[p, k]

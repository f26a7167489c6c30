# SPDX-License-Identifier: Apache-2.0
"""By how much the squared error grows when one Gaussian alone is taken away, exactly.

Taking it away changes the picture by -D: w c in a sum, blend c - alpha / (1 - alpha) S in a stack,
S what shows from behind it. The squared error then grows by sum(D^2 - 2 D r), r = picture - target.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from flexgs.image.kernels.common import (
    ALPHA_MAX,
    AREA,
    F0,
    F1,
    KERNEL,
    OPACITY,
    PARALLEL,
    TILE,
)
from flexgs.image.kernels.layers import layer_tile
from flexgs.image.kernels.lists import pixel_rows
from flexgs.image.kernels.tiles import SHARES, longest, sum_tile, tile_corner


@nb.njit(**KERNEL)
def _sum_growth(weights, wrong, pixel_weights, begin, color):  # type: ignore[no-untyped-def]
    total = F0
    for i in range(np.uint64(len(weights))):
        k = np.uint64(begin) + i
        d = weights[i] * color
        total += pixel_weights[k] * d * (d - wrong[k] - wrong[k])
    return total


@nb.njit(**KERNEL)
def _layer_growth(  # type: ignore[no-untyped-def]
    weights, through, behind, wrong, pixel_weights, begin, opacity, color
):
    """For one channel; takes the Gaussian off `behind`, leaves `through` to the caller."""
    total = F0
    for i in range(np.uint64(len(weights))):
        k = np.uint64(begin) + i
        alpha = min(ALPHA_MAX, opacity * weights[i])
        own = alpha * through[k] * color
        rest = behind[k] - own
        behind[k] = rest
        d = own - alpha / (F1 - alpha) * rest
        total += pixel_weights[k] * d * (d - wrong[k] - wrong[k])
    return total


@nb.njit(**KERNEL)
def _pass_through(weights, through, begin, opacity):  # type: ignore[no-untyped-def]
    for i in range(np.uint64(len(weights))):
        through[np.uint64(begin) + i] *= F1 - min(ALPHA_MAX, opacity * weights[i])


@nb.njit(**PARALLEL)
def removal(  # type: ignore[no-untyped-def]
    records, colors, lists, order, window, target, pixel_weights, layered, pairs
):
    """Fills pairs (pairs, 1) f32 with each tile's part of the growth; arguments as `sum_step`."""
    starts, members, slots = lists
    channels = colors.shape[1]
    kept = max(2, longest(starts)) * AREA
    for chunk in nb.prange(SHARES):
        state = np.empty(channels * AREA, np.float32)
        wrong = np.empty(channels * AREA, np.float32)
        weights = np.empty(kept, np.float32)
        through, blend = np.empty(AREA, np.float32), np.empty(AREA, np.float32)
        for k in range(chunk, len(order), SHARES):
            tile = order[k]
            x0, y0 = tile_corner(tile, window)
            first, end = starts[tile], starts[tile + 1]
            mine = members[first:end]
            state[:] = F0
            through[:] = F1
            if layered:
                layer_tile(state, through, weights, blend, records, colors, mine, x0, y0)
                through[:] = F1
            else:
                sum_tile(state, weights, records, colors, mine, x0, y0)
            for i in range(channels * AREA):
                wrong[i] = state[i] - target[tile, i]
            for m in range(len(mine)):
                g = mine[m]
                top, bottom = pixel_rows(records[g], x0, y0)
                begin, size = top * TILE, (bottom - top) * TILE
                part = weights[m * AREA : m * AREA + size]
                total = F0
                for c in range(channels):
                    plane = slice(c * AREA, (c + 1) * AREA)
                    if layered:
                        total += _layer_growth(
                            part, through, state[plane], wrong[plane], pixel_weights[tile], begin,
                            records[g, OPACITY], colors[g, c],
                        )  # fmt: skip
                    else:
                        total += _sum_growth(
                            part, wrong[plane], pixel_weights[tile], begin, colors[g, c]
                        )
                if layered:
                    _pass_through(part, through, begin, records[g, OPACITY])
                pairs[slots[first + m], 0] = total

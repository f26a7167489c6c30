# SPDX-License-Identifier: Apache-2.0
"""Alpha compositing in stored order, front to back, and its gradient, a tile at a time.

A pixel is sum a_i T_i c_i, a_i = min(0.999, opacity_i w_i), T_i = product of (1 - a_j) before i.
The gradient walks front to back as well: what lies behind is the finished pixel less what was
passed, so that nothing is divided by T.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from flexgs.image.kernels.common import (
    ALPHA_MAX,
    AREA,
    F0,
    F1,
    FLOOR,
    KERNEL,
    OPACITY,
    PARALLEL,
    TILE,
    TILE_X,
    TILE_Y,
)
from flexgs.image.kernels.lists import pixel_rows
from flexgs.image.kernels.tiles import (
    SHARES,
    add_plane,
    color_sum,
    copy_tile,
    longest,
    tile_corner,
    tile_loss,
    transform,
    weigh,
)


@nb.njit(**KERNEL)
def cover(weights, through, begin, opacity, blend):  # type: ignore[no-untyped-def]
    """blend = alpha T; takes 1 - alpha off what still comes through."""
    for i in range(np.uint64(len(weights))):
        k = np.uint64(begin) + i
        alpha = min(ALPHA_MAX, opacity * weights[i])
        blend[i] = alpha * through[k]
        through[k] *= F1 - alpha


@nb.njit(**KERNEL)
def layer_tile(  # type: ignore[no-untyped-def]
    state, through, weights, blend, records, colors, members, x0, y0
):
    """Adds `members`, front to back, to state (channels * AREA,) under `through` (AREA,)."""
    keep = len(weights) > AREA
    for k in range(len(members)):
        g = members[k]
        first, last = pixel_rows(records[g], x0, y0)
        begin, size = first * TILE, (last - first) * TILE
        at = k * AREA if keep else 0
        part = weights[at : at + size]
        p, c1, q, r, c2 = transform(records[g], x0, y0)
        weigh(part, begin, begin + size, p, c1, q, r, c2)
        cover(part, through, begin, records[g, OPACITY], blend)
        for c in range(colors.shape[1]):
            add_plane(state, c * AREA + begin, blend[:size], colors[g, c])


@nb.njit(**KERNEL)
def layer_moments(  # type: ignore[no-untyped-def]
    weights, own, behind, through, begin, p, c1, q, r, c2, opacity
):
    """As `moments_three`, but last the sum for the opacity; own = v.color of each pixel."""
    m1, m2, m11, m12, m22, m0 = F0, F0, F0, F0, F0, F0
    for i in range(np.uint64(len(weights))):
        k = np.uint64(begin) + i
        w = weights[i]
        alpha = min(ALPHA_MAX, opacity * w)
        free = F1 if opacity * w < ALPHA_MAX else F0
        before = through[k]
        after = before * (F1 - alpha)
        rest = behind[k] - alpha * before * own[i]
        through[k] = after
        behind[k] = rest
        slope = free * (before * own[i] - rest / (F1 - alpha))
        m0 += slope * w
        e = w + FLOOR if w > F0 else F0
        d = opacity * slope * e
        z1 = TILE_X[k] * p + c1
        z2 = TILE_X[k] * q + (TILE_Y[k] * r + c2)
        d1, d2 = d * z1, d * z2
        m1 += d1
        m2 += d2
        m11 += d1 * z1
        m12 += d1 * z2
        m22 += d2 * z2
    return m1, m2, m11, m12, m22, m0


@nb.njit(**KERNEL)
def layer_tile_gradient(  # type: ignore[no-untyped-def]
    state, behind, weights, scratch, records, colors, members, slots, x0, y0, pairs
):
    """Partial sums into pairs[slot]: 5 moments, the opacity's, then the colours'.

    state holds dL/dpixel, behind the finished pixels times it, weights what `layer_tile` kept;
    scratch (4, AREA): what comes through, blend, v.color, 1 - alpha.
    """
    channels = colors.shape[1]
    through, before, own = scratch[0], scratch[1], scratch[2]
    through[:] = F1
    for k in range(len(members)):
        g = members[k]
        first, last = pixel_rows(records[g], x0, y0)
        begin, size = first * TILE, (last - first) * TILE
        part = weights[k * AREA : k * AREA + size]
        before[:AREA] = through
        cover(part, before, begin, records[g, OPACITY], scratch[3])
        out = pairs[slots[k]]
        own[:size] = F0
        for c in range(channels):
            at = c * AREA + begin
            add_plane(own, 0, state[at : at + size], colors[g, c])
            out[6 + c] = color_sum(scratch[3, :size], state, at)
        p, c1, q, r, c2 = transform(records[g], x0, y0)
        m1, m2, m11, m12, m22, m0 = layer_moments(
            part, own, behind, through, begin, p, c1, q, r, c2, records[g, OPACITY]
        )
        out[0], out[1], out[2], out[3], out[4], out[5] = m1, m2, m11, m12, m22, m0


@nb.njit(**PARALLEL)
def layer_image(records, colors, starts, members, order, window, crop, image):  # type: ignore[no-untyped-def]
    """Renders crop (pixels; inside of window, tiles) into image (h, w, channels) f32."""
    for chunk in nb.prange(SHARES):
        state = np.empty(colors.shape[1] * AREA, np.float32)
        weights, blend = np.empty(AREA, np.float32), np.empty(AREA, np.float32)
        through = np.empty(AREA, np.float32)
        for k in range(chunk, len(order), SHARES):
            tile = order[k]
            x0, y0 = tile_corner(tile, window)
            state[:] = F0
            through[:] = F1
            mine = members[starts[tile] : starts[tile + 1]]
            layer_tile(state, through, weights, blend, records, colors, mine, x0, y0)
            copy_tile(state, x0, y0, image, crop)


@nb.njit(**PARALLEL)
def layer_step(  # type: ignore[no-untyped-def]
    records, colors, lists, order, window, target, pixel_weights, extra, l2, l1, pairs, errors
):
    """As `sum_step`; pairs (pairs, 6 + channels)."""
    starts, members, slots = lists
    channels = colors.shape[1]
    kept = max(2, longest(starts)) * AREA
    for chunk in nb.prange(SHARES):
        state = np.empty(channels * AREA, np.float32)
        weights = np.empty(kept, np.float32)
        behind = np.empty(AREA, np.float32)
        picture = np.empty(channels * AREA, np.float32)
        scratch = np.empty((4, AREA), np.float32)
        for k in range(chunk, len(order), SHARES):
            tile = order[k]
            x0, y0 = tile_corner(tile, window)
            first, end = starts[tile], starts[tile + 1]
            mine = members[first:end]
            state[:] = F0
            scratch[0, :] = F1
            layer_tile(state, scratch[0], weights, scratch[1], records, colors, mine, x0, y0)
            picture[:] = state
            more = extra[tile if len(extra) > 1 else 0]
            tile_loss(state, target[tile], pixel_weights[tile], more, l2, l1, errors[tile])
            behind[:] = F0
            for c in range(channels):
                for i in range(AREA):
                    behind[i] += state[c * AREA + i] * picture[c * AREA + i]
            layer_tile_gradient(
                state,
                behind,
                weights,
                scratch,
                records,
                colors,
                mine,
                slots[first:end],
                x0,
                y0,
                pairs,
            )

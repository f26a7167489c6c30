# SPDX-License-Identifier: Apache-2.0
"""The forward pass: alpha blending of one tile at a time, a row of 16 pixels as one vector.

A tile's state is one flat f32 array of planes of AREA values: transmittance, then the colours.
"Pixel done" is transmittance 0, so that the inner loops have no branches.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from flexgs.render.cpu.common import (
    ALPHA_MAX,
    ALPHA_MIN,
    AREA,
    BLUE,
    CURVE,
    E0,
    E1,
    E2,
    E3,
    E4,
    E5,
    E6,
    EIGHTH,
    F0,
    F1,
    GREEN,
    HALF_A,
    HALF_C,
    HALF_HEIGHT,
    INV_A,
    KERNEL,
    LEVEL,
    MX,
    MY,
    OPACITY,
    PARALLEL,
    RED,
    SIGMA_MAX,
    SLOPE,
    T_MIN,
    TILE,
    B,
)

PLANE1, PLANE2, PLANE3 = np.uint64(AREA), np.uint64(2 * AREA), np.uint64(3 * AREA)
CHECK_EVERY = 16  # Gaussians between two looks at whether a tile is done


@nb.njit(inline="always", **KERNEL)
def exp_neg(sigma):  # type: ignore[no-untyped-def]
    """exp(-sigma) for f32 sigma; above SIGMA_MAX as at SIGMA_MAX."""
    x = min(sigma, SIGMA_MAX) * EIGHTH
    p = E0 + x * (E1 + x * (E2 + x * (E3 + x * (E4 + x * (E5 + x * E6)))))
    p = p * p
    p = p * p
    return p * p


@nb.njit(**KERNEL)
def _blend_row(state, at, dx, half_a, linear, constant, opacity, red, green, blue):  # type: ignore[no-untyped-def]
    for lane in range(np.uint64(TILE)):
        i = at + lane  # unsigned: a signed index could be negative and mean "from the end"
        x = dx + np.float32(lane)
        sigma = (half_a * x + linear) * x + constant
        alpha = min(ALPHA_MAX, opacity * exp_neg(sigma))
        before = state[i]
        after = before * (F1 - alpha)
        seen = F1 if alpha >= ALPHA_MIN else F0
        live = F1 if after > T_MIN else F0
        weight = alpha * before * seen * live
        state[i] = before + seen * (after * live - before)
        state[i + PLANE1] += weight * red
        state[i + PLANE2] += weight * green
        state[i + PLANE3] += weight * blue


@nb.njit(**KERNEL)
def first_row(record, top):  # type: ignore[no-untyped-def]
    """First row of a tile whose pixel centres the ellipse reaches."""
    return max(0, int(math.ceil(record[MY] - record[HALF_HEIGHT] - np.float32(0.5))) - top)


@nb.njit(**KERNEL)
def last_row(record, top):  # type: ignore[no-untyped-def]
    """Last-plus-one row of a tile whose pixel centres the ellipse reaches."""
    return min(TILE, int(math.floor(record[MY] + record[HALF_HEIGHT] - np.float32(0.5))) - top + 1)


@nb.njit(**KERNEL)
def row_misses(record, dx, dy):  # type: ignore[no-untyped-def]
    """Whether no pixel centre of a row of a tile (the first at dx) can lie in the ellipse."""
    square = (record[LEVEL] - record[CURVE] * dy * dy) * record[INV_A]
    half = math.sqrt(max(F0, square))
    middle = -record[SLOPE] * dy
    return middle + half < dx or middle - half > dx + np.float32(TILE - 1)


@nb.njit(**KERNEL)
def tile_is_done(state):  # type: ignore[no-untyped-def]
    """Whether no pixel of the tile lets light through."""
    total = F0
    for i in range(AREA):
        total += state[i]
    return total == F0


@nb.njit(**KERNEL)
def start_tile(state, x0, y0, width, height):  # type: ignore[no-untyped-def]
    """Transmittance 1 inside the image and 0 outside; colours 0."""
    state[:] = F0
    for row in range(min(TILE, height - y0)):
        for lane in range(min(TILE, width - x0)):
            state[row * TILE + lane] = F1


@nb.njit(**KERNEL)
def blend_tile(state, records, members, x0, y0):  # type: ignore[no-untyped-def]
    """Blends all Gaussians of one tile, front to back, into `state`."""
    for k in range(len(members)):
        if k % CHECK_EVERY == CHECK_EVERY - 1 and tile_is_done(state):
            break
        g = records[members[k]]
        dx = np.float32(x0) + np.float32(0.5) - g[MX]
        for row in range(first_row(g, y0), last_row(g, y0)):
            dy = np.float32(y0 + row) + np.float32(0.5) - g[MY]
            if row_misses(g, dx, dy):
                continue
            _blend_row(
                state,
                np.uint64(row * TILE),
                dx,
                g[HALF_A],
                g[B] * dy,
                g[HALF_C] * dy * dy,
                g[OPACITY],
                g[RED],
                g[GREEN],
                g[BLUE],
            )


@nb.njit(**PARALLEL)
def blend_image(records, starts, members, order, columns, image):  # type: ignore[no-untyped-def]
    """Renders all tiles, in the given order, into image (h, w, 3) f32."""
    height, width = image.shape[0], image.shape[1]
    for k in nb.prange(len(order)):
        tile = order[k]
        x0, y0 = (tile % columns) * TILE, (tile // columns) * TILE
        state = np.empty(4 * AREA, np.float32)
        start_tile(state, x0, y0, width, height)
        blend_tile(state, records, members[starts[tile] : starts[tile + 1]], x0, y0)
        for row in range(min(TILE, height - y0)):
            for lane in range(min(TILE, width - x0)):
                for channel in range(3):
                    image[y0 + row, x0 + lane, channel] = state[
                        (channel + 1) * AREA + row * TILE + lane
                    ]

# SPDX-License-Identifier: Apache-2.0
"""Accumulated summation and its gradient, a tile at a time.

All inner loops run over a flat range of a tile's pixels, several rows as one: long enough for
vector registers, and sums over pixels are reduced once a pair instead of once a row.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from flexgs.image.kernels.common import (
    AREA,
    CUT,
    E0,
    E1,
    E2,
    E3,
    E4,
    EIGHTH,
    F0,
    F1,
    FLOOR,
    KERNEL,
    MX,
    MY,
    PARALLEL,
    TILE,
    TILE_X,
    TILE_Y,
    P,
    Q,
    R,
)
from flexgs.image.kernels.lists import HALF, pixel_rows

SHARES = 64  # of the tiles, taken in turn: each has its own scratch and about the same work


@nb.njit(**KERNEL)
def weigh(out, begin, end, p, c1, q, r, c2):  # type: ignore[no-untyped-def]
    """Weights of one Gaussian at pixels begin..end of a tile into out[0 : end - begin]."""
    for i in range(np.uint64(begin), np.uint64(end)):
        z1 = TILE_X[i] * p + c1
        z2 = TILE_X[i] * q + (TILE_Y[i] * r + c2)
        x = min(z1 * z1 + z2 * z2, CUT) * EIGHTH
        e = E0 + x * (E1 + x * (E2 + x * (E3 + x * E4)))
        e = e * e
        e = e * e
        out[i - np.uint64(begin)] = max(F0, e * e - FLOOR)


@nb.njit(**KERNEL)
def add_plane(state, at, weights, color):  # type: ignore[no-untyped-def]
    """state[at + i] += weights[i] color."""
    for i in range(np.uint64(len(weights))):
        state[np.uint64(at) + i] += weights[i] * color


@nb.njit(**KERNEL)
def add_three(state, at, weights, red, green, blue):  # type: ignore[no-untyped-def]
    """As `add_plane` for three planes, AREA apart."""
    for i in range(np.uint64(len(weights))):
        k = np.uint64(at) + i
        w = weights[i]
        state[k] += w * red
        state[k + np.uint64(AREA)] += w * green
        state[k + np.uint64(2 * AREA)] += w * blue


@nb.njit(inline="always", **KERNEL)
def transform(record, x0, y0):  # type: ignore[no-untyped-def]
    """(p, c1, q, r, c2): z1 = p X + c1, z2 = q X + r Y + c2 for tile-local pixels X, Y."""
    dx = np.float32(x0) + HALF - record[MX]
    dy = np.float32(y0) + HALF - record[MY]
    p, q, r = record[P], record[Q], record[R]
    return p, p * dx, q, r, q * dx + r * dy


@nb.njit(**KERNEL)
def sum_tile(state, weights, records, colors, members, x0, y0):  # type: ignore[no-untyped-def]
    """Adds the Gaussians `members` of one tile to state (channels * AREA,).

    weights: scratch of AREA, or AREA for each member, which then keeps all weights.
    """
    channels = colors.shape[1]
    keep = len(weights) > AREA
    for k in range(len(members)):
        g = members[k]
        first, last = pixel_rows(records[g], x0, y0)
        begin, end = first * TILE, last * TILE
        at = k * AREA if keep else 0
        part = weights[at : at + end - begin]
        p, c1, q, r, c2 = transform(records[g], x0, y0)
        weigh(part, begin, end, p, c1, q, r, c2)
        if channels == 3:
            add_three(state, begin, part, colors[g, 0], colors[g, 1], colors[g, 2])
        else:
            for c in range(channels):
                add_plane(state, c * AREA + begin, part, colors[g, c])


@nb.njit(**KERNEL)
def color_sum(weights, state, at):  # type: ignore[no-untyped-def]
    """Sum of weights[i] state[at + i]."""
    total = F0
    for i in range(np.uint64(len(weights))):
        total += weights[i] * state[np.uint64(at) + i]
    return total


@nb.njit(**KERNEL)
def moments_three(  # type: ignore[no-untyped-def]
    weights, state, begin, p, c1, q, r, c2, red, green, blue
):
    """Sums of w v_c, and of D (z1, z2, z1 z1, z1 z2, z2 z2); D = exp(-s) v.color."""
    s0, s1, s2 = F0, F0, F0
    m1, m2, m11, m12, m22 = F0, F0, F0, F0, F0
    for i in range(np.uint64(len(weights))):
        k = np.uint64(begin) + i
        w = weights[i]
        v0, v1, v2 = state[k], state[k + np.uint64(AREA)], state[k + np.uint64(2 * AREA)]
        s0 += w * v0
        s1 += w * v1
        s2 += w * v2
        e = w + FLOOR if w > F0 else F0
        d = e * (v0 * red + v1 * green + v2 * blue)
        z1 = TILE_X[k] * p + c1
        z2 = TILE_X[k] * q + (TILE_Y[k] * r + c2)
        d1, d2 = d * z1, d * z2
        m1 += d1
        m2 += d2
        m11 += d1 * z1
        m12 += d1 * z2
        m22 += d2 * z2
    return s0, s1, s2, m1, m2, m11, m12, m22


@nb.njit(**KERNEL)
def moments_any(weights, state, begin, p, c1, q, r, c2, colors):  # type: ignore[no-untyped-def]
    """Sums of D (z1, z2, z1 z1, z1 z2, z2 z2) for any number of channels."""
    m1, m2, m11, m12, m22 = F0, F0, F0, F0, F0
    for i in range(np.uint64(len(weights))):
        k = np.uint64(begin) + i
        w = weights[i]
        v = F0
        for c in range(np.uint64(len(colors))):
            v += state[c * np.uint64(AREA) + k] * colors[c]
        e = w + FLOOR if w > F0 else F0
        d = e * v
        z1 = TILE_X[k] * p + c1
        z2 = TILE_X[k] * q + (TILE_Y[k] * r + c2)
        d1, d2 = d * z1, d * z2
        m1 += d1
        m2 += d2
        m11 += d1 * z1
        m12 += d1 * z2
        m22 += d2 * z2
    return m1, m2, m11, m12, m22


@nb.njit(**KERNEL)
def sum_tile_gradient(  # type: ignore[no-untyped-def]
    state, weights, records, colors, members, slots, x0, y0, pairs
):
    """Each member's partial sums into pairs[slot] (5 moments, then the colours).

    state holds dL/dpixel, weights what `sum_tile` kept.
    """
    channels = colors.shape[1]
    for k in range(len(members)):
        g = members[k]
        first, last = pixel_rows(records[g], x0, y0)
        begin, end = first * TILE, last * TILE
        part = weights[k * AREA : k * AREA + end - begin]
        p, c1, q, r, c2 = transform(records[g], x0, y0)
        out = pairs[slots[k]]
        if channels == 3:
            s0, s1, s2, m1, m2, m11, m12, m22 = moments_three(
                part, state, begin, p, c1, q, r, c2, colors[g, 0], colors[g, 1], colors[g, 2]
            )
            out[5], out[6], out[7] = s0, s1, s2
        else:
            m1, m2, m11, m12, m22 = moments_any(part, state, begin, p, c1, q, r, c2, colors[g])
            for c in range(channels):
                out[5 + c] = color_sum(part, state, c * AREA + begin)
        out[0], out[1], out[2], out[3], out[4] = m1, m2, m11, m12, m22


@nb.njit(**KERNEL)
def residual(state, at, target, pixel_weights, l2, l1):  # type: ignore[no-untyped-def]
    """Turns a plane of a tile's picture into dL/dpixel; returns L and two errors.

    L = sum over pixels of weight (l2 r^2 / 2 + l1 |r|), r = picture - target. The errors,
    squared and absolute, are those of the picture clamped to 0..1.
    """
    energy, square, absolute = F0, F0, F0
    half = l2 * HALF
    for i in range(np.uint64(AREA)):
        k = np.uint64(at) + i
        value, wanted, weight = state[k], target[i], pixel_weights[i]
        r = value - wanted
        sign = (F1 if r > F0 else F0) - (F1 if r < F0 else F0)
        state[k] = weight * (l2 * r + l1 * sign)
        energy += weight * (half * r * r + l1 * abs(r))
        r = min(max(value, F0), F1) - wanted
        square += weight * r * r
        absolute += weight * abs(r)
    return energy, square, absolute


@nb.njit(**KERNEL)
def tile_loss(state, target, pixel_weights, extra, l2, l1, errors):  # type: ignore[no-untyped-def]
    """A tile's picture becomes dL/dpixel, plus `extra` (empty or like state); fills errors."""
    errors[:] = 0.0
    for c in range(len(state) // AREA):
        energy, square, absolute = residual(
            state, c * AREA, target[c * AREA : (c + 1) * AREA], pixel_weights, l2, l1
        )
        errors[0] += energy
        errors[1] += square
        errors[2] += absolute
    for i in range(len(extra)):
        state[i] += extra[i]


@nb.njit(**KERNEL)
def tile_corner(tile, window):  # type: ignore[no-untyped-def]
    """Pixel x0, y0 of a tile, counted row by row within window (left, top, right, bottom)."""
    columns = window[2] - window[0]
    return (window[0] + tile % columns) * TILE, (window[1] + tile // columns) * TILE


@nb.njit(**KERNEL)
def longest(starts):  # type: ignore[no-untyped-def]
    """Members of the longest list, at least 1."""
    most = 1
    for tile in range(len(starts) - 1):
        most = max(most, starts[tile + 1] - starts[tile])
    return most


@nb.njit(**KERNEL)
def copy_tile(state, x0, y0, image, crop):  # type: ignore[no-untyped-def]
    """The part of a tile within crop (x0, y0, x1, y1) into image (h, w, channels)."""
    for y in range(max(y0, crop[1]), min(y0 + TILE, crop[3])):
        for x in range(max(x0, crop[0]), min(x0 + TILE, crop[2])):
            for c in range(image.shape[2]):
                image[y - crop[1], x - crop[0], c] = state[c * AREA + (y - y0) * TILE + x - x0]


@nb.njit(**PARALLEL)
def sum_image(records, colors, starts, members, order, window, crop, image):  # type: ignore[no-untyped-def]
    """Renders crop (pixels; inside of window, tiles) into image (h, w, channels) f32."""
    for chunk in nb.prange(SHARES):
        state = np.empty(colors.shape[1] * AREA, np.float32)
        weights = np.empty(AREA, np.float32)
        for k in range(chunk, len(order), SHARES):
            tile = order[k]
            x0, y0 = tile_corner(tile, window)
            state[:] = F0
            list_ = members[starts[tile] : starts[tile + 1]]
            sum_tile(state, weights, records, colors, list_, x0, y0)
            copy_tile(state, x0, y0, image, crop)


@nb.njit(**PARALLEL)
def sum_step(  # type: ignore[no-untyped-def]
    records, colors, lists, order, window, target, pixel_weights, extra, l2, l1, pairs, errors
):
    """Picture, loss and gradient in one pass over the tiles.

    Args:
        lists: starts, members, slots of `tile_lists`.
        target: (tiles, channels * AREA) f32; pixel_weights (tiles, AREA) f32.
        extra: a gradient to add, like target, or (1, 0) for none.
        pairs: (pairs, 5 + channels) f32, filled with each pair's partial sums.
        errors: (tiles, 3) f64, filled with L, squared and absolute errors.
    """
    starts, members, slots = lists
    channels = colors.shape[1]
    kept = max(2, longest(starts)) * AREA
    for chunk in nb.prange(SHARES):
        state = np.empty(channels * AREA, np.float32)
        weights = np.empty(kept, np.float32)
        for k in range(chunk, len(order), SHARES):
            tile = order[k]
            x0, y0 = tile_corner(tile, window)
            first, end = starts[tile], starts[tile + 1]
            state[:] = F0
            sum_tile(state, weights, records, colors, members[first:end], x0, y0)
            more = extra[tile if len(extra) > 1 else 0]
            tile_loss(state, target[tile], pixel_weights[tile], more, l2, l1, errors[tile])
            sum_tile_gradient(
                state, weights, records, colors, members[first:end], slots[first:end], x0, y0, pairs
            )

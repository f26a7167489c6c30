# SPDX-License-Identifier: Apache-2.0
"""Whom to predict a Gaussian's colour from: near earlier ones, weighed by how alike they are.

Of the last WINDOW Gaussians in Morton order the nearest are taken; each weighs the more, the
nearer it is, the more opaque, and the closer its scales and its opacity are to those predicted.
Distances are between integer cells and weights are integers, so encoder and decoder always agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import CODING
from flexgs.entropy.contexts.options import INLINED, highest_bit, pointer

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

NEIGHBOURS = 8
WINDOW_BITS = 7
WINDOW = 1 << WINDOW_BITS  # earlier Gaussians that are looked at
LANES = 32  # Gaussians that search at once: numba makes vectors of loops of 16 and more
STRIDE = 4  # earlier Gaussians that all of them look at between loads and stores
NOWHERE = np.iinfo(np.int64).max
FARTHEST = 1 << 26  # cells beyond it count as there
WEIGHT_BITS = 10
ALPHA, SCALES = 1, (3, 6)  # columns of the features

# 16 log2(1 + (i + 1/2) / 32), rounded: of the five bits below a number's highest one
_LOGS = np.array(
    [
        *(0, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 9),
        *(10, 10, 11, 11, 11, 12, 12, 13, 13, 14, 14, 14, 15, 15, 15, 16),
    ],
    dtype=np.int64,
)
# 2^(10 - i / 16), rounded
_POWERS = np.array(
    [1024, 981, 939, 899, 861, 825, 790, 756, 724, 693, 664, 636, 609, 583, 558, 535],
    dtype=np.int64,
)

Keys = tuple[int, int, int, int, int, int, int, int]  # sorted; NEIGHBOURS of them


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Of m Gaussians of a chunk."""

    rows: I32  # (m, NEIGHBOURS) heaviest first, -1 where there are too few
    weights: I32  # (m, NEIGHBOURS) 1..2^WEIGHT_BITS, 0 where there is none


def find_neighbours(
    cells: I32,  # (m, 3) decoded positions on one grid, finely
    features: I32,  # (m, f) in the order of FEATURES
) -> Neighbours:
    """Of each Gaussian of one chunk, in the order of the file.

    >>> cells = np.array([[0, 0, 0], [9, 0, 0], [1, 0, 0]], np.int32)
    >>> find_neighbours(cells, np.zeros((3, 6), np.int32)).rows[:, :3].tolist()
    [[-1, -1, -1], [0, -1, -1], [0, 1, -1]]
    """
    m = len(cells)
    rows = np.full((m, NEIGHBOURS), -1, dtype=np.int32)
    weights = np.zeros((m, NEIGHBOURS), dtype=np.int32)
    near = np.zeros((3, WINDOW + m + LANES), dtype=np.int32)
    near[:, WINDOW : WINDOW + m] = np.clip(cells, -FARTHEST, FARTHEST).T
    _search(near, np.ascontiguousarray(features), rows, weights)
    return Neighbours(rows, weights)


@njit(**CODING)
def _search(near: I32, features: I32, rows: I32, weights: I32) -> None:
    nearest, scratch = np.empty((NEIGHBOURS, LANES), np.int64), np.empty(NEIGHBOURS, np.int64)
    # addresses: arrays would be counted up and down at every call
    x, y, z = pointer(near[0]), pointer(near[1]), pointer(near[2])
    known, width = pointer(features), features.shape[1]
    keys, order = pointer(nearest), pointer(scratch)
    for i in range(len(rows)):
        lane = i % LANES
        if lane == 0:
            nearest[:] = NOWHERE
            for behind in range(1, min(i + LANES, WINDOW + 1), STRIDE):
                _look(x, y, z, i, behind, keys)
        found = min(i, NEIGHBOURS)
        closest = (keys[lane] >> WINDOW_BITS) >> 3
        scratch[:] = NOWHERE
        for place in range(found):
            key = keys[place * LANES + lane]
            score = _likeness(known, width * i, width * (i - 1 - (key & (WINDOW - 1))))
            score -= log2_sixteenths((key >> WINDOW_BITS) + closest + 1)
            order[place] = (-score << WINDOW_BITS) | place
        _store(order, 0, 1, _sort(_load(order, 0, 1)))
        for place in range(found):
            key = keys[(order[place] & (WINDOW - 1)) * LANES + lane]
            rows[i, place] = i - 1 - (key & (WINDOW - 1))
            lost = (order[place] >> WINDOW_BITS) - (order[0] >> WINDOW_BITS)
            weights[i, place] = max(_POWERS[lost & 15] >> min(lost >> 4, 30), 1)


@njit(**INLINED)
def _insert(keys: Keys, key: int) -> Keys:
    """The least of sorted keys and one more, sorted; without branches."""
    a, b, c, d, e, f, g, h = keys
    return (
        min(a, key),
        min(b, max(a, key)),
        min(c, max(b, key)),
        min(d, max(c, key)),
        min(e, max(d, key)),
        min(f, max(e, key)),
        min(g, max(f, key)),
        min(h, max(g, key)),
    )


@njit(**INLINED)
def _load(keys: I64, first: int, stride: int) -> Keys:
    k, n = first, stride
    return (
        keys[k],
        keys[k + n],
        keys[k + 2 * n],
        keys[k + 3 * n],
        keys[k + 4 * n],
        keys[k + 5 * n],
        keys[k + 6 * n],
        keys[k + 7 * n],
    )


@njit(**INLINED)
def _store(keys: I64, first: int, stride: int, values: Keys) -> None:
    k, n = first, stride
    keys[k], keys[k + n], keys[k + 2 * n], keys[k + 3 * n] = values[:4]
    keys[k + 4 * n], keys[k + 5 * n], keys[k + 6 * n], keys[k + 7 * n] = values[4:]


@njit(**INLINED)
def _sort(keys: Keys) -> Keys:
    """Sorted by Batcher's network: no branches."""
    a, b, c, d, e, f, g, h = keys
    a, b, c, d = min(a, b), max(a, b), min(c, d), max(c, d)
    e, f, g, h = min(e, f), max(e, f), min(g, h), max(g, h)
    a, b, c, d = min(a, c), min(b, d), max(a, c), max(b, d)
    e, f, g, h = min(e, g), min(f, h), max(e, g), max(f, h)
    b, c, f, g = min(b, c), max(b, c), min(f, g), max(f, g)
    a, b, c, d, e, f, g, h = (
        min(a, e),
        min(b, f),
        min(c, g),
        min(d, h),
        max(a, e),
        max(b, f),
        max(c, g),
        max(d, h),
    )
    c, d, e, f = min(c, e), min(d, f), max(c, e), max(d, f)
    return a, min(b, c), max(b, c), min(d, e), max(d, e), min(f, g), max(f, g), h


@njit(**INLINED)
def _key(x: I32, y: I32, z: I32, row: int, behind: int) -> int:
    """The square of the distance to an earlier row, and below it how many rows are between."""
    own, other = WINDOW + row, WINDOW + row - behind
    a = np.int32(x[other] - x[own])  # fits, both are clamped
    b = np.int32(y[other] - y[own])
    c = np.int32(z[other] - z[own])
    square = np.int64(a) * a + np.int64(b) * b + np.int64(c) * c
    key: int = (square << WINDOW_BITS) | (behind - 1)
    return key if behind <= row else NOWHERE


@njit(**CODING)
def _look(x: I32, y: I32, z: I32, first: int, behind: int, keys: I64) -> None:
    """Rows from `first` on see the rows `behind` to `behind` + 3 before them.

    keys is (NEIGHBOURS, LANES): what is nearest so far, nearest first; of two as near the later.
    """
    for lane in range(LANES):
        row = first + lane
        best = _load(keys, lane, LANES)
        best = _insert(best, _key(x, y, z, row, behind))
        best = _insert(best, _key(x, y, z, row, behind + 1))
        best = _insert(best, _key(x, y, z, row, behind + 2))
        best = _insert(best, _key(x, y, z, row, behind + 3))
        _store(keys, lane, LANES, best)


@njit(**INLINED)
def _likeness(features: I32, own: int, other: int) -> int:
    """Sixteenths of an octave of weight; of the rows that begin at these places."""
    alpha = np.int64(features[other + ALPHA])
    score = (alpha >> 1) - (abs(np.int64(features[own + ALPHA]) - alpha) >> 2)
    apart = np.int64(0)
    for column in range(SCALES[0], SCALES[1]):
        apart += abs(np.int64(features[own + column]) - np.int64(features[other + column]))
    return int(score - (apart >> 1))


@njit(**INLINED)
def log2_sixteenths(value: int) -> int:
    """16 log2 of a value >= 1, within a sixteenth."""
    bits = int(highest_bit(np.int64(value)))
    below = value >> (bits - 5) if bits >= 5 else value << (5 - bits)
    return 16 * bits + int(_LOGS[below & 31])

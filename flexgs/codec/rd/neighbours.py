# SPDX-License-Identifier: Apache-2.0
"""Whom to predict a Gaussian's colour from: near earlier ones, weighed by how alike they are.

Of the last WINDOW Gaussians in Morton order the nearest are taken; each weighs the more, the
nearer it is, the more opaque, and the closer its scales and its opacity are to those predicted.
Distances are between integer cells and weights are integers, so encoder and decoder always agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
BLOCK = 16  # of them at a time
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
_EMPTY: Any = (np.iinfo(np.int64).max,) * NEIGHBOURS


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
    near = np.zeros((3, BLOCK + m), dtype=np.int32)  # a block may begin before the first row
    near[:, BLOCK:] = np.clip(cells, -FARTHEST, FARTHEST).T
    _search(near, np.ascontiguousarray(features), rows, weights)
    return Neighbours(rows, weights)


@njit(**CODING)
def _search(near: I32, features: I32, rows: I32, weights: I32) -> None:
    block, scratch = np.empty(BLOCK, dtype=np.int64), np.empty((2, NEIGHBOURS), dtype=np.int64)
    # addresses: arrays would be counted up and down at every call
    x, y, z = pointer(near[0]), pointer(near[1]), pointer(near[2])
    known, width = pointer(features), features.shape[1]
    block_, keys, order = pointer(block), pointer(scratch[0]), pointer(scratch[1])
    for i in range(len(rows)):
        _unpack(_nearest(x, y, z, i, block_), keys)
        found = min(i, NEIGHBOURS)
        closest = (keys[0] >> WINDOW_BITS) >> 3
        best = _EMPTY
        for place in range(found):
            other = i - 1 - (keys[place] & (WINDOW - 1))
            score = -log2_sixteenths((keys[place] >> WINDOW_BITS) + closest + 1)
            score += _likeness(known, width * i, width * other)
            best = _insert(best, (-score << WINDOW_BITS) | place)
        _unpack(best, order)
        for place in range(found):
            rows[i, place] = i - 1 - (keys[order[place] & (WINDOW - 1)] & (WINDOW - 1))
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
def _unpack(keys: Keys, places: I64) -> None:
    places[0], places[1], places[2], places[3] = keys[0], keys[1], keys[2], keys[3]
    places[4], places[5], places[6], places[7] = keys[4], keys[5], keys[6], keys[7]


@njit(**INLINED)
def _measure(x: I32, y: I32, z: I32, own: int, first: int, block: I64) -> None:
    """Squared distances of BLOCK points from one; written as compilers make vectors of it."""
    for k in range(BLOCK):
        a = np.int32(x[first + k] - x[own])  # fits, both are clamped
        b = np.int32(y[first + k] - y[own])
        c = np.int32(z[first + k] - z[own])
        block[k] = np.int64(a) * a + np.int64(b) * b + np.int64(c) * c


@njit(**INLINED)
def _least(block: I64) -> int:
    least = block[0]
    for k in range(1, BLOCK):
        least = min(least, block[k])
    return int(least)


@njit(**INLINED)
def _nearest(x: I32, y: I32, z: I32, i: int, block: I64) -> Keys:
    """The nearest earlier rows, nearest first, of two as near the later one.

    A key is the square of the distance, and below it how many rows are between.
    """
    keys: Keys = _EMPTY
    for behind in range(0, min(i, WINDOW), BLOCK):
        first = i - behind - BLOCK
        _measure(x, y, z, i + BLOCK, first + BLOCK, block)
        if _least(block) >= keys[NEIGHBOURS - 1] >> WINDOW_BITS:
            continue
        for k in range(BLOCK - 1, max(-first, 0) - 1, -1):
            key = (block[k] << WINDOW_BITS) | (i - 1 - first - k)
            if key < keys[NEIGHBOURS - 1]:
                keys = _insert(keys, key)
    return keys


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

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
from flexgs.entropy.contexts.options import INLINED

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

NEIGHBOURS = 8
WINDOW = 128  # earlier Gaussians that are looked at
FARTHEST = 1 << 26  # cells beyond it count as there
AGE_BITS = 7  # of a key: a squared distance, then the age
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
    near = np.clip(cells, -FARTHEST, FARTHEST).T.copy()
    _search(near[0], near[1], near[2], np.ascontiguousarray(features), rows, weights)
    return Neighbours(rows, weights)


@njit(**CODING)
def _search(x: I32, y: I32, z: I32, features: I32, rows: I32, weights: I32) -> None:
    keys = np.empty(WINDOW, dtype=np.int64)
    squares = np.empty(NEIGHBOURS, dtype=np.int64)
    scores = np.empty(NEIGHBOURS, dtype=np.int64)
    for i in range(len(x)):
        _measure(x, y, z, i, keys)
        found = min(i, NEIGHBOURS)
        _nearest(keys, min(i, WINDOW), squares)
        for place in range(found):
            rows[i, place] = i - 1 - (squares[place] & ((1 << AGE_BITS) - 1))
            squares[place] >>= AGE_BITS
            scores[place] = -log2_sixteenths(squares[place] + (squares[0] >> 3) + 1)
            scores[place] += _likeness(features, i, rows[i, place])
        _sort(rows, i, scores, found)
        for place in range(found):
            lost = scores[0] - scores[place]
            weights[i, place] = max(_POWERS[lost & 15] >> min(lost >> 4, 30), 1)


@njit(**INLINED)
def _measure(x: I32, y: I32, z: I32, i: int, keys: I64) -> None:
    """Keys of the rows before, the oldest first: of two as near the later one is less."""
    first = max(i - WINDOW, 0)
    for k in range(i - first):
        a = np.int64(x[first + k] - x[i])
        b = np.int64(y[first + k] - y[i])
        c = np.int64(z[first + k] - z[i])
        keys[k] = ((a * a + b * b + c * c) << AGE_BITS) | (i - 1 - first - k)


@njit(**INLINED)
def _nearest(keys: I64, count: int, least: I64) -> None:
    """The NEIGHBOURS least keys, ascending."""
    worst = np.iinfo(np.int64).max
    least[:] = worst
    for k in range(count - 1, -1, -1):
        if keys[k] < worst:
            rest = keys[k]
            for place in range(NEIGHBOURS):
                rest, least[place] = max(rest, least[place]), min(rest, least[place])
            worst = least[NEIGHBOURS - 1]


@njit(**INLINED)
def _likeness(features: I32, own: int, other: int) -> int:
    """Sixteenths of an octave of weight."""
    alpha = int(features[other, ALPHA])
    score = (alpha >> 1) - (abs(int(features[own, ALPHA]) - alpha) >> 2)
    apart = 0
    for column in range(SCALES[0], SCALES[1]):
        apart += abs(int(features[own, column]) - int(features[other, column]))
    return int(score - (apart >> 1))


@njit(**INLINED)
def log2_sixteenths(value: int) -> int:
    """16 log2 of a value >= 1, within a sixteenth."""
    bits, rest = 0, value
    while rest >= 1 << 8:
        rest >>= 8
        bits += 8
    while rest > 1:
        rest >>= 1
        bits += 1
    below = value >> (bits - 5) if bits >= 5 else value << (5 - bits)
    return 16 * bits + int(_LOGS[below & 31])


@njit(**INLINED)
def _sort(rows: I32, i: int, scores: I64, found: int) -> None:
    """Highest score first; stable."""
    for start in range(1, found):
        row, score, place = rows[i, start], scores[start], start
        while place > 0 and score > scores[place - 1]:
            rows[i, place], scores[place] = rows[i, place - 1], scores[place - 1]
            place -= 1
        rows[i, place], scores[place] = row, score

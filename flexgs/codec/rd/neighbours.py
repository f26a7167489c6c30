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

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

NEIGHBOURS = 8
WINDOW = 128  # earlier Gaussians that are looked at
FARTHEST = 1 << 28  # cells along an axis; beyond it all is as far
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
    _search(np.ascontiguousarray(cells), np.ascontiguousarray(features), rows, weights)
    return Neighbours(rows, weights)


@njit(**CODING)
def _search(cells: I32, features: I32, rows: I32, weights: I32) -> None:
    squares = np.empty(NEIGHBOURS, dtype=np.int64)
    scores = np.empty(NEIGHBOURS, dtype=np.int64)
    for i in range(len(cells)):
        found = _nearest(cells, i, rows[i], squares)
        for place in range(found):
            j = int(rows[i, place])
            scores[place] = _likeness(features[i], features[j], squares[place], squares[0])
        _sort(rows[i], scores, found)
        for place in range(found):
            lost = scores[0] - scores[place]
            weights[i, place] = max(_POWERS[lost & 15] >> min(lost >> 4, 30), 1)


@njit(**CODING)
def _nearest(cells: I32, i: int, rows: I32, squares: I64) -> int:
    """The nearest earlier rows, nearest first; of two as near the later one; -> how many."""
    found = 0
    x, y, z = int(cells[i, 0]), int(cells[i, 1]), int(cells[i, 2])
    for j in range(i - 1, max(i - 1 - WINDOW, -1), -1):
        a = min(abs(x - int(cells[j, 0])), FARTHEST)
        b = min(abs(y - int(cells[j, 1])), FARTHEST)
        c = min(abs(z - int(cells[j, 2])), FARTHEST)
        square = a * a + b * b + c * c
        if found == NEIGHBOURS and square >= squares[NEIGHBOURS - 1]:
            continue
        place = min(found, NEIGHBOURS - 1)
        found = min(found + 1, NEIGHBOURS)
        while place > 0 and square < squares[place - 1]:
            squares[place], rows[place] = squares[place - 1], rows[place - 1]
            place -= 1
        squares[place], rows[place] = square, j
    return found


@njit(**CODING)
def _likeness(own: I32, other: I32, square: int, least: int) -> int:
    """Sixteenths of an octave of weight."""
    score = -log2_sixteenths(square + (least >> 3) + 1)
    score += int(other[ALPHA]) >> 1
    score -= abs(int(own[ALPHA]) - int(other[ALPHA])) >> 2
    apart = 0
    for column in range(SCALES[0], SCALES[1]):
        apart += abs(int(own[column]) - int(other[column]))
    return int(score - (apart >> 1))


@njit(**CODING)
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


@njit(**CODING)
def _sort(rows: I32, scores: I64, found: int) -> None:
    """Highest score first; stable."""
    for i in range(1, found):
        row, score, place = rows[i], scores[i], i
        while place > 0 and score > scores[place - 1]:
            rows[place], scores[place] = rows[place - 1], scores[place - 1]
            place -= 1
        rows[place], scores[place] = row, score

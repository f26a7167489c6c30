# SPDX-License-Identifier: Apache-2.0
"""Which Gaussians are near a Gaussian, by the cells that are known before all else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import log2_sixteenths
from flexgs.entropy.contexts import CODING

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

WINDOW = 48  # earlier rows that may be neighbours
NEAR = 4
AROUND = 12  # rows before and behind that tell how dense it is
CROWD = 6
ALONE = 160  # 16 log2 of 2^10, where there is no other row


@njit(**CODING)
def _insert(square: int, row: int, found: int, squares: I64, rows: I64) -> int:
    """Keeps the least squares, ascending; of two alike the one that came first."""
    most = len(squares)
    if found == most and square >= squares[most - 1]:
        return found
    k = min(found, most - 1)
    while k > 0 and squares[k - 1] > square:
        squares[k], rows[k] = squares[k - 1], rows[k - 1]
        k -= 1
    squares[k], rows[k] = square, row
    return min(found + 1, most)


@njit(**CODING)
def _square(cells: I32, i: int, j: int) -> int:
    dx = np.int64(cells[i, 0]) - np.int64(cells[j, 0])
    dy = np.int64(cells[i, 1]) - np.int64(cells[j, 1])
    return int(dx * dx + dy * dy)


@njit(**CODING)
def find_near(cells: I32, i: int, squares: I64, rows: I64) -> int:
    """The nearest of the rows before i, nearest first, of two as near the later; how many."""
    found = 0
    for j in range(i - 1, max(i - 1 - WINDOW, -1), -1):
        found = _insert(_square(cells, i, j), j, found, squares, rows)
    return found


@njit(**CODING)
def crowding(cells: I32, i: int, squares: I64, rows: I64) -> int:
    """16 log2 of 1 + the squared distance, in cells, of the CROWD-th nearest row around i."""
    found = 0
    for j in range(max(i - AROUND, 0), min(i + AROUND + 1, len(cells))):
        if j != i:
            found = _insert(_square(cells, i, j), j, found, squares, rows)
    return int(log2_sixteenths(squares[found - 1] + 1)) if found else ALONE

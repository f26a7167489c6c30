# SPDX-License-Identifier: Apache-2.0
"""The nearest earlier Gaussians of each, among the last few in Morton order: whom to predict from.

Distances are between integer cells, so encoder and decoder always agree.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import CODING

I32 = npt.NDArray[np.int32]

NEIGHBOURS = 3
WINDOW = 32  # earlier Gaussians that are looked at
FARTHEST = 1 << 30  # cells along an axis; beyond it all is as far


def neighbours(cells: I32) -> I32:  # (m, 3) of one chunk -> (m, NEIGHBOURS)
    """Rows of the nearest earlier Gaussians, nearest first, -1 where there are too few.

    Of two at the same distance the later one comes first.

    >>> neighbours(np.array([[0, 0, 0], [9, 0, 0], [1, 0, 0]], np.int32)).tolist()
    [[-1, -1, -1], [0, -1, -1], [0, 1, -1]]
    """
    return np.asarray(_search(np.ascontiguousarray(cells, dtype=np.int32)))


@njit(**CODING)
def _search(cells: I32) -> I32:
    m = len(cells)
    found = np.full((m, NEIGHBOURS), -1, dtype=np.int32)
    best = np.empty(NEIGHBOURS, dtype=np.int64)
    for i in range(m):
        best[:] = np.iinfo(np.int64).max
        for j in range(i - 1, max(i - 1 - WINDOW, -1), -1):
            distance = 0
            for axis in range(3):
                step = abs(int(cells[i, axis]) - int(cells[j, axis]))
                step = min(step, FARTHEST)
                distance += step * step
            if distance >= best[NEIGHBOURS - 1]:
                continue
            place = NEIGHBOURS - 1
            while place > 0 and distance < best[place - 1]:
                best[place] = best[place - 1]
                found[i, place] = found[i, place - 1]
                place -= 1
            best[place] = distance
            found[i, place] = j
    return found

# SPDX-License-Identifier: Apache-2.0
"""Errors of what is rounded are pushed into what is not rounded yet (encoder only).

With the local block H = M^T D M, M unit lower triangular, an error e costs
sum_k D_k (e_k + sum_{j<k} M_kj e_j)^2: whatever the first errors are, the best place for the next
parameter is shifted by -sum M_kj e_j, and a miss from there costs D_k a square.

Source: L. Babai, "On Lovasz' lattice reduction and the nearest lattice point problem" (1986);
E. Frantar et al., GPTQ (2023), for the same step on networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.quant.adaptive.cells import RANGE

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

KERNEL: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}


@njit(**KERNEL)
def factor_blocks(blocks: F64) -> tuple[F64, F64]:  # (n, k, k) -> (n, k), (n, k, k)
    """D and M of every block; blocks must be positive definite."""
    n, k, _ = blocks.shape
    pivots = np.empty((n, k))
    mixing = np.zeros((n, k, k))
    for i in range(n):
        block = blocks[i].copy()
        for s in range(k - 1, -1, -1):
            pivot = block[s, s]
            pivots[i, s] = pivot
            for j in range(s):
                mixing[i, s, j] = block[s, j] / pivot
            for p in range(s):
                for q in range(s):
                    block[p, q] -= mixing[i, s, p] * block[s, q]
    return pivots, mixing


@njit(**KERNEL)
def _allowed(fine: int, split: int, depth: int, cell: int) -> bool:
    """Whether a fine index lies in the octave of a cell."""
    other = fine >> split
    if other < -(RANGE << depth) or other >= RANGE << depth:
        return False
    away = -1 - cell if cell < 0 else cell
    reached = -1 - other if other < 0 else other
    return max(away >> depth, 1) == max(reached >> depth, 1)


@njit(**KERNEL)
def _distance(fine: I64, splits: I32, depth: int) -> int:
    largest = 0
    for k in range(3):
        cell = fine[k] >> splits[k]
        largest = max(largest, -1 - cell if cell < 0 else cell)
    return largest >> (depth - 4) if depth >= 4 else largest << (4 - depth)


@njit(**KERNEL)
def choose_places(
    targets: F64,  # (n, 3) contracted
    slopes: F64,  # (n, 3) scene units a contracted unit
    shifts: F64,  # (n, 3) scene units, by the errors of all other parameters
    pivots: F64,  # (n, 3) D of the position
    mixing: F64,  # (n, 3, 3) M of the position
    cells: I32,  # (n, 3)
    splits: I32,  # (n, 3)
    distances: I32,  # (n,) features that the choice must not change
    depth: int,
) -> I64:  # (n, 3) fine indices
    """The best of the 27 points around each target in the metric of its block."""
    chosen = np.empty((len(targets), 3), np.int64)
    trial, error, start = np.empty(3, np.int64), np.empty(3), np.empty(3, np.int64)
    step = np.empty(3)
    for i in range(len(targets)):
        for k in range(3):
            step[k] = 2.0 ** -(depth + splits[i, k])
            chosen[i, k] = int(np.floor(targets[i, k] / step[k]))
        best = np.inf
        for leaf in range(27):
            cost, code = 0.0, leaf
            lawful = True
            for k in range(3):
                wish = shifts[i, k]
                for j in range(k):
                    wish -= mixing[i, k, j] * error[j]
                start[k] = int(np.floor((targets[i, k] + wish / slopes[i, k]) / step[k]))
                trial[k] = start[k] + code % 3 - 1
                code //= 3
                lawful &= _allowed(trial[k], splits[i, k], depth, cells[i, k])
                middle = (trial[k] + 0.5) * step[k]
                error[k] = (middle - targets[i, k]) * slopes[i, k]
                cost += pivots[i, k] * (error[k] - wish) ** 2
            if cost < best and lawful and _distance(trial, splits[i], depth) == distances[i]:
                best = cost
                chosen[i] = trial
    return chosen

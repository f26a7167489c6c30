# SPDX-License-Identifier: Apache-2.0
"""One step of all parameters: the gradient over the root of its own running mean square.

That root estimates the diagonal of the empirical Fisher matrix, so every parameter moves in its own
units and nothing is tuned to a scene. Rates are constant; there is no schedule.

Source: Kingma and Ba, Adam (1412.6980), algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from flexgs.compiling import CACHE

F32 = npt.NDArray[np.float32]

GROUPS = ("means", "log_scales", "quats", "opacity_logits", "sh")
FIRST, SECOND = np.float32(0.9), np.float32(0.99)  # memory of the mean and of the mean square
TINY = np.float32(1e-8)  # against division by zero
ZERO, ONE = np.float32(0), np.float32(1)


@dataclass(frozen=True)
class Rates:
    """How far a parameter moves in one step when all gradients agree; 0 holds a group still."""

    means: float = 5e-3  # of the Gaussian's own size (geometric mean of its deviations)
    log_scales: float = 5e-3
    quats: float = 1e-3  # of unit quaternions
    opacity_logits: float = 3e-2
    dc: float = 5e-3
    sh: float = 5e-4

    def only(self, *groups: str) -> Rates:
        """The same rates for some groups, zero for the others.

        >>> Rates().only("dc", "sh").means
        0.0
        """
        return Rates(**{k: v if k in groups else 0.0 for k, v in vars(self).items()})

    def scaled(self, factor: float) -> Rates:
        """All rates times a factor."""
        return Rates(**{k: factor * v for k, v in vars(self).items()})


@nb.njit(parallel=True, cache=CACHE, error_model="numpy")
def step(values, first, second, gradient, columns, rows, unbias_first, unbias_second):  # type: ignore[no-untyped-def]
    """Moves values (n, c) in place and clears the gradient (n, c), all f32.

    columns (c,), rows (n,): factors of the rate. Elementwise, so any number of threads gives the
    same bits.
    """
    for i in nb.prange(values.shape[0]):
        for j in range(values.shape[1]):
            g = gradient[i, j]
            m = FIRST * first[i, j] + (ONE - FIRST) * g
            v = SECOND * second[i, j] + (ONE - SECOND) * g * g
            first[i, j], second[i, j] = m, v
            root = np.sqrt(v * unbias_second) + TINY
            values[i, j] -= rows[i] * columns[j] * (m * unbias_first) / root
            gradient[i, j] = ZERO

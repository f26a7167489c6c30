# SPDX-License-Identifier: Apache-2.0
"""The range of positions that 65,536 steps are spread over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_MOST_OUTSIDE = 1e-3  # share of Gaussians that may be moved to either end
_WORST = 4.0  # error of one moved far away, in units of its weight; removing it would be 1
_LEAST_GAIN = 0.75  # the error must fall below this share of what it was: else nobody is moved
STEPS = 65535


def log_positions(means: F32) -> F64:  # (n, 3) -> (n, 3)
    """sign(x) ln(1 + |x|): the domain in which SOG's steps are even."""
    wide = means.astype(np.float64)
    return np.asarray(np.sign(wide) * np.log1p(np.abs(wide)))


def robust_range(logs: F64, sizes: F32, weights: F32) -> tuple[F64, F64]:
    """(mins, maxs), (3,) each, of log positions.

    A few Gaussians far outside make everybody's steps coarse. Those are left outside, to be moved
    to the end of the range, when that makes the summed squared error smaller: error in units of
    each Gaussian's own size, weighted, and counted as at most four times its weight.

    Args:
        logs: (n, 3) see `log_positions`.
        sizes: (n,) standard deviations, scene units.
        weights: (n,) importance.
    """
    ends = [
        _range(logs[:, axis], sizes.astype(np.float64), weights.astype(np.float64))
        for axis in range(3)
    ]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])


def _range(logs: F64, sizes: F64, weights: F64) -> tuple[float, float]:
    order = np.argsort(logs, kind="stable")
    most = min(int(len(logs) * _MOST_OUTSIDE), (len(logs) - 1) // 2)
    trims = [0, *(2**k for k in range(20) if 2**k <= most)]
    # a step in scene units is (1 + |x|) times its length; its squared error is length^2 / 12
    factors = weights * (np.exp(np.abs(logs)) / sizes) ** 2 / (12 * STEPS**2)
    low_ends, high_ends = order[: most + 1], order[::-1][: most + 1]
    moved = [
        [
            _cost_of_moving(ends[:count], float(logs[ends[count]]), logs, sizes, weights)
            for count in trims
        ]
        for ends in (low_ends, high_ends)
    ]
    left_out = [[float(factors[ends[:k]].sum()) for k in trims] for ends in (low_ends, high_ends)]
    total = float(factors.sum())
    best = (np.inf, 0.0, 0.0)
    for i, below in enumerate(trims):
        low = float(logs[low_ends[below]])
        for j, above in enumerate(trims):
            high = float(logs[high_ends[above]])
            inside = total - left_out[0][i] - left_out[1][j]
            cost = inside * (high - low) ** 2 + moved[0][i] + moved[1][j]
            if below or above:
                cost /= _LEAST_GAIN
            best = min(best, (cost, low, high))
    return best[1], best[2]


def _cost_of_moving(rows: npt.NDArray[np.int64], to: float, logs: F64, sizes: F64, w: F64) -> float:
    away = np.abs(np.sign(to) * np.expm1(abs(to)) - np.sign(logs[rows]) * np.expm1(abs(logs[rows])))
    return float((w[rows] * np.minimum((away / sizes[rows]) ** 2, _WORST)).sum())

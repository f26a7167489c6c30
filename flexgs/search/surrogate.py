# SPDX-License-Identifier: Apache-2.0
"""Predict bytes and drop of settings not tried yet: Gaussian processes with a linear prior.

Both are modelled as logarithms, which are close to linear in the rates: bytes because a file is
about survivors times bytes a survivor; the drop through the extra squared error it stands for,
`10^(drop/10) - 1`, which grows exponentially with the pruning rate on real scenes (bonsai: by
e^9 to e^12 a unit of rate between 30 and 80 %).

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, section 2.7 (explicit basis
functions with a Gaussian prior).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

FLOOR_ERROR = 1e-3  # a drop of 0.004 dB; below it, drops are noise
CEILING_DB = 20.0
DISTANT_NOISE = 0.15  # noise per nat of distance from the target: far points shape trends only


@dataclass(frozen=True)
class Prior:
    """What is believed before anything is measured, about one logarithm."""

    features: Callable[[F64], F64]  # (m, 2) rates -> (m, q)
    mean: tuple[float, ...]  # of the q coefficients
    deviation: tuple[float, ...]
    roughness: float  # standard deviation of what the features do not explain
    lengths: tuple[float, float]  # over which rates it varies
    noise: float


def _drop_features(rates: F64) -> F64:
    p, s = rates[:, 0] - 0.5, rates[:, 1] - 0.5
    return np.stack([np.ones_like(p), p, s, p * p, p * s, s * s], axis=1)


def _byte_features(rates: F64) -> F64:
    p, s = rates[:, 0], rates[:, 1]
    return np.stack([np.ones_like(p), np.log1p(-p), s, p, s * s], axis=1)


DROP_PRIOR = Prior(
    features=_drop_features,
    mean=(-2.0, 9.0, 2.5, 0.0, 0.0, 1.0),
    deviation=(6.0, 4.0, 2.0, 8.0, 4.0, 3.0),
    roughness=0.10,
    lengths=(0.10, 0.20),
    noise=0.02,
)
BYTES_PRIOR = Prior(
    features=_byte_features,
    mean=(15.0, 1.0, -0.5, 0.0, -0.1),
    deviation=(10.0, 0.2, 0.3, 0.3, 0.2),
    roughness=0.01,
    lengths=(0.20, 0.30),
    noise=0.002,
)


def log_error(drop_db: float) -> float:
    """log(10^(drop/10) - 1), kept within the range that can be told apart."""
    return float(np.log(max(np.expm1(min(drop_db, CEILING_DB) * np.log(10) / 10), FLOOR_ERROR)))


@dataclass(frozen=True, eq=False)
class Model:
    """A prior and what was measured."""

    prior: Prior
    known: F64  # (m, 2) rates
    values: F64  # (m,)
    distance: F64  # (m,) nats from the target

    def predict(self, wanted: F64) -> tuple[F64, F64]:
        """Mean (w,) and standard deviation (w,) of the logarithm at the wanted rates (w, 2)."""
        prior = self.prior
        scale = np.asarray(prior.deviation)
        basis, wanted_basis = prior.features(self.known) * scale, prior.features(wanted) * scale
        offset = np.asarray(prior.mean) / scale
        noise = prior.noise + DISTANT_NOISE * self.distance

        covariance = basis @ basis.T + _rough(prior, self.known, self.known) + np.diag(noise**2)
        cross = wanted_basis @ basis.T + _rough(prior, wanted, self.known)  # (w, m)
        factor = np.linalg.cholesky(covariance)
        whitened = np.linalg.solve(factor, cross.T)  # (m, w)
        residual = np.linalg.solve(factor, self.values - basis @ offset)
        mean = wanted_basis @ offset + whitened.T @ residual
        variance = (wanted_basis**2).sum(axis=1) + prior.roughness**2 - (whitened**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 1e-12))


def _rough(prior: Prior, a: F64, b: F64) -> F64:
    """Squared-exponential covariance of the roughness, (len(a), len(b))."""
    a, b = a / np.asarray(prior.lengths), b / np.asarray(prior.lengths)
    exponent = a @ b.T - 0.5 * (a * a).sum(axis=1)[:, None] - 0.5 * (b * b).sum(axis=1)
    return np.asarray(prior.roughness**2 * np.exp(exponent))

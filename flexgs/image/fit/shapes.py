# SPDX-License-Identifier: Apache-2.0
"""What is stepped to change a Gaussian's place and shape: three parameterisations.

Each keeps `raw` (n, 3) in its own coordinates. `gradient` gives (n, 5): two for the mean, three for
the shape; `move` takes a step of the same (n, 5) and keeps factors within bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from flexgs.image.gradient import Gradients

F32 = npt.NDArray[np.float32]
ShapeName = Literal["relative", "cholesky", "rotation"]

LONGEST = 250.0  # longer over shorter axis; files hold 256, and what they clip is lost


@dataclass(frozen=True)
class Bounds:
    """Pixels: how thin and how wide a Gaussian may become."""

    least: float
    most: float


class Shapes(Protocol):
    """See the module."""

    def start(self, cholesky: F32) -> F32:
        """raw of factors (n, 3)."""

    def cholesky(self, raw: F32) -> F32:
        """Factors (n, 3) of raw."""

    def gradient(self, raw: F32, gradients: Gradients) -> F32:
        """dL/dstep (n, 5) at a step of 0."""

    def move(self, means: F32, raw: F32, step: F32, bounds: Bounds) -> tuple[F32, F32]:
        """means, raw after a step (n, 5)."""

    def scale(self, raw: F32, factor: float) -> F32:
        """raw of Gaussians that are `factor` times as large."""


class Relative:
    """Steps in units of the Gaussian itself: mean + L u, L (I + A), diagonals by exp.

    A step does the same to a Gaussian of one pixel and of fifty, whatever its direction: dL/du is
    L^T dL/dmean and dL/dA is L^T dL/dL.
    """

    def start(self, cholesky: F32) -> F32:
        """See `Shapes`."""
        return cholesky.copy()

    def cholesky(self, raw: F32) -> F32:
        """See `Shapes`."""
        return raw

    def gradient(self, raw: F32, gradients: Gradients) -> F32:
        """See `Shapes`."""
        l11, l21, l22 = raw.T
        (g1, g2), (g11, g21, g22) = gradients.means.T, gradients.cholesky.T
        return np.stack(
            [l11 * g1 + l21 * g2, l22 * g2, l11 * g11 + l21 * g21, l22 * g21, l22 * g22], axis=1
        )

    def move(self, means: F32, raw: F32, step: F32, bounds: Bounds) -> tuple[F32, F32]:
        """See `Shapes`."""
        l11, l21, l22 = raw.T
        u1, u2, a11, a21, a22 = step.T
        moved = np.stack([means[:, 0] + l11 * u1, means[:, 1] + l21 * u1 + l22 * u2], axis=1)
        low = l21 * (1 + a11) + l22 * a21
        return moved, bounded(l11 * np.exp(a11), low, l22 * np.exp(a22), bounds)

    def scale(self, raw: F32, factor: float) -> F32:
        """See `Shapes`."""
        return raw * np.float32(factor)


class Cholesky:
    """Steps in pixels on the mean and on the three factors."""

    def start(self, cholesky: F32) -> F32:
        """See `Shapes`."""
        return cholesky.copy()

    def cholesky(self, raw: F32) -> F32:
        """See `Shapes`."""
        return raw

    def gradient(self, raw: F32, gradients: Gradients) -> F32:
        """See `Shapes`."""
        return np.concatenate([gradients.means, gradients.cholesky], axis=1)

    def move(self, means: F32, raw: F32, step: F32, bounds: Bounds) -> tuple[F32, F32]:
        """See `Shapes`."""
        l11, l21, l22 = (raw + step[:, 2:]).T
        return means + step[:, :2], bounded(l11, l21, l22, bounds)

    def scale(self, raw: F32, factor: float) -> F32:
        """See `Shapes`."""
        return raw * np.float32(factor)


class RotationScale:
    """Steps in pixels on the mean, on the logarithms of the two axes and on their angle.

    raw: ln s1, ln s2, angle in radians; covariance = R diag(s1^2, s2^2) R^T.
    """

    def start(self, cholesky: F32) -> F32:
        """See `Shapes`."""
        xx, xy, yy = _covariance(cholesky.astype(np.float64))
        angle = 0.5 * np.arctan2(2 * xy, xx - yy)
        middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        product = cholesky[:, 0].astype(np.float64) * cholesky[:, 2]
        first = np.sqrt(middle + half)
        return np.stack([np.log(first), np.log(product / first), angle], axis=1).astype(np.float32)

    def cholesky(self, raw: F32) -> F32:
        """See `Shapes`."""
        (s1, s2), c, s = np.exp(raw[:, :2]).T, np.cos(raw[:, 2]), np.sin(raw[:, 2])
        l11 = np.hypot(s1 * c, s2 * s)
        return np.stack([l11, (s1 * s1 - s2 * s2) * c * s / l11, s1 * s2 / l11], axis=1)

    def gradient(self, raw: F32, gradients: Gradients) -> F32:
        """See `Shapes`."""
        (s1, s2), c, s = np.exp(raw[:, :2]).T, np.cos(raw[:, 2]), np.sin(raw[:, 2])
        a, b = s1 * s1, s2 * s2
        l11, l21, l22 = self.cholesky(raw).T
        # dL/dlog s1, dL/dlog s2, dL/dangle of l11^2 = xx, l11 l21 = xy, l11 l22 = s1 s2
        xx = np.stack([2 * a * c * c, 2 * b * s * s, 2 * (b - a) * c * s])
        xy = np.stack([2 * a * c * s, -2 * b * c * s, (a - b) * (c * c - s * s)])
        d11 = xx / (2 * l11)
        d21 = (xy - d11 * l21) / l11
        d22 = np.stack([l22, l22, np.zeros_like(l22)]) - d11 * l22 / l11
        g11, g21, g22 = gradients.cholesky.T
        shape = d11 * g11 + d21 * g21 + d22 * g22
        return np.concatenate([gradients.means, shape.T], axis=1)

    def move(self, means: F32, raw: F32, step: F32, bounds: Bounds) -> tuple[F32, F32]:
        """See `Shapes`."""
        after = raw + step[:, 2:]
        after[:, :2] = np.clip(after[:, :2], np.log(bounds.least), np.log(bounds.most))
        shorter = after[:, :2].min(axis=1, keepdims=True)
        after[:, :2] = np.minimum(after[:, :2], shorter + np.float32(np.log(LONGEST)))
        return means + step[:, :2], after

    def scale(self, raw: F32, factor: float) -> F32:
        """See `Shapes`."""
        return raw + np.array([np.log(factor)] * 2 + [0], np.float32)


def bounded(l11: F32, l21: F32, l22: F32, bounds: Bounds) -> F32:  # (n, 3)
    """Factors with diagonals, and the rest, within the bounds, and no longer than LONGEST."""
    factors = np.stack(
        [
            np.clip(l11, bounds.least, bounds.most),
            np.clip(l21, -bounds.most, bounds.most),
            np.clip(l22, bounds.least, bounds.most),
        ],
        axis=1,
    )
    squares, product = (factors * factors).sum(axis=1), factors[:, 0] * factors[:, 2]
    rows = np.flatnonzero(squares > np.float32(LONGEST + 1 / LONGEST) * product)
    if len(rows):
        factors[rows] = _shortened(factors[rows])
    return factors


def _shortened(factors: F32) -> F32:  # (n, 3)
    """Gaussians that are too long at the same angle and width, as long as they may be."""
    rotation = RotationScale()
    raw = rotation.start(factors)
    raw[:, 0] = raw[:, 1] + np.float32(np.log(LONGEST))
    return np.asarray(rotation.cholesky(raw), np.float32)


def _covariance(cholesky: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    l11, l21, l22 = cholesky.T
    return l11 * l11, l11 * l21, l21 * l21 + l22 * l22


SHAPES: dict[ShapeName, Shapes] = {
    "relative": Relative(),
    "cholesky": Cholesky(),
    "rotation": RotationScale(),
}

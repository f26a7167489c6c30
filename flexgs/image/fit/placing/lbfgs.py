# SPDX-License-Identifier: Apache-2.0
"""A quasi-Newton start: all parameters at once, before the first step of Adam."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, minimize

from flexgs.image.gradient import Target, gradients
from flexgs.image.model import MAX_ABS_COLOR, ImageSplats

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

COLOR_UNIT = 0.1  # of the display range; means and factors are counted in the Gaussian's own scale


def lbfgs_start(splats: ImageSplats, target: Target, steps: int, least: float) -> ImageSplats:
    """At most `steps` iterations of L-BFGS-B on the squared error, opacities held as they are.

    Source: Byrd et al., A Limited Memory Algorithm for Bound Constrained Optimization, SIAM
        J. Sci. Comput. 1995, as scipy has it.
    """
    scale = np.sqrt(splats.cholesky[:, :1] * splats.cholesky[:, 2:]).astype(np.float64)
    unit = np.concatenate(
        [np.repeat(scale, 5, axis=1), np.full((splats.n, splats.channels), COLOR_UNIT)], axis=1
    )
    first = np.concatenate([splats.means, splats.cholesky, splats.colors], axis=1) / unit

    def unpack(x: F64) -> ImageSplats:
        values = (x.reshape(first.shape) * unit).astype(np.float32)
        return ImageSplats(
            values[:, :2],
            values[:, 2:5],
            values[:, 5:],
            splats.opacities,
            splats.width,
            splats.height,
        )

    def value(x: F64) -> tuple[float, F64]:
        found = gradients(unpack(x), target)
        slope = np.concatenate([found.means, found.cholesky, found.colors], axis=1) * unit
        return found.energy, slope.ravel().astype(np.float64)

    low, high = np.full_like(first, -np.inf), np.full_like(first, np.inf)
    side = float(max(splats.width, splats.height))
    low[:, :2], high[:, :2] = -side / scale, 2 * side / scale
    low[:, 2:5], high[:, 2:5] = np.array([least, -side, least]) / scale, side / scale
    low[:, 5:], high[:, 5:] = -MAX_ABS_COLOR / COLOR_UNIT, MAX_ABS_COLOR / COLOR_UNIT
    first = np.clip(first, low, high)
    found = minimize(
        value,
        first.ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(low.ravel(), high.ravel()),
        options={"maxiter": steps, "maxcor": 10},
    )
    return unpack(found.x)

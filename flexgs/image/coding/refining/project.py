# SPDX-License-Identifier: Apache-2.0
"""One Gaussian and the picture's residual: how well they agree, and adding the one to the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts.options import CODING, INLINED
from flexgs.image.coding.steps import COSINES, SINES
from flexgs.image.kernels.common import CUT, FLOOR

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

SIZE, RATIO, TURN_PLACE, X, Y, SHAPE = range(6)  # columns of a shape, as a file stores it
CUT_SQUARE = 2.0 * float(CUT)  # in squared standard deviations, as the renderer has it
LEAST = float(FLOOR)

Ellipse = tuple[float, float, float, float]


@njit(**INLINED)
def _ellipse(shape: F64) -> Ellipse:
    """(Sigma^-1)_xx, _xy, _yy and the variance along y."""
    turn = int(shape[TURN_PLACE])
    cosine, sine = COSINES[turn] * 2.0**-24, SINES[turn] * 2.0**-24
    longest = 2.0 ** ((2.0 * shape[SIZE] + shape[RATIO]) / 256.0)
    shortest = 2.0 ** ((2.0 * shape[SIZE] - shape[RATIO]) / 256.0)
    xx = longest * cosine * cosine + shortest * sine * sine
    yy = longest * sine * sine + shortest * cosine * cosine
    xy = (longest - shortest) * cosine * sine
    det = longest * shortest
    return yy / det, -xy / det, xx / det, yy


@njit(**INLINED)
def _rows(y: float, yy: float, height: int) -> tuple[int, int]:
    """First and last-plus-one row that are reached."""
    reach = np.sqrt(CUT_SQUARE * yy)
    return max(0, int(np.ceil(y - reach - 0.5))), min(height, int(np.floor(y + reach + 0.5)))


@njit(**INLINED)
def _row(ellipse: Ellipse, x: float, dy: float, width: int) -> tuple[int, int, float, float]:
    """First and last-plus-one pixel of a row, the weight at the first, and its first quotient.

    A row of a Gaussian has weights whose quotients fall by a constant factor: no exp a pixel.
    """
    a, b, c, yy = ellipse
    half = np.sqrt(max(CUT_SQUARE - dy * dy / yy, 0.0) / a)
    middle = x - b / a * dy
    begin = max(0, int(np.ceil(middle - half - 0.5)))
    end = min(width, int(np.floor(middle + half + 0.5)))
    dx = begin + 0.5 - x
    weight = np.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
    return begin, end, weight, np.exp(-a * (dx + 0.5) - b * dy)


@njit(**CODING)
def measure(
    residual: F32,  # (h, w, c)
    shape: F64,
    out: F64,  # (c + 1,) sums of residual * weight by channel, and of weight^2
) -> None:
    """How the Gaussian with this shape and peak 1 agrees with the residual."""
    height, width, channels = residual.shape
    ellipse = _ellipse(shape)
    falling = np.exp(-ellipse[0])
    first, last = _rows(shape[Y], ellipse[3], height)
    out[:] = 0.0
    p0, p1, p2, total = 0.0, 0.0, 0.0, 0.0
    for row in range(first, last):
        begin, end, e, rate = _row(ellipse, shape[X], row + 0.5 - shape[Y], width)
        line = residual[row]
        for column in range(begin, end):
            w = max(e - LEAST, 0.0)
            if channels == 3:
                p0 += w * line[column, 0]
                p1 += w * line[column, 1]
                p2 += w * line[column, 2]
            else:
                for k in range(channels):
                    out[k] += w * line[column, k]
            total += w * w
            e *= rate
            rate *= falling
    if channels == 3:
        out[0], out[1], out[2] = p0, p1, p2
    out[channels] = total


@njit(**CODING)
def add(
    residual: F32,  # (h, w, c) changed
    shape: F64,
    colors: F64,  # (c,)
) -> None:
    """Adds the Gaussian to the residual."""
    height, width, channels = residual.shape
    ellipse = _ellipse(shape)
    falling = np.exp(-ellipse[0])
    first, last = _rows(shape[Y], ellipse[3], height)
    for row in range(first, last):
        begin, end, e, rate = _row(ellipse, shape[X], row + 0.5 - shape[Y], width)
        line = residual[row]
        for column in range(begin, end):
            w = max(e - LEAST, 0.0)
            for k in range(channels):
                line[column, k] += np.float32(colors[k] * w)
            e *= rate
            rate *= falling

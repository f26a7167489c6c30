# SPDX-License-Identifier: Apache-2.0
"""The gradient of structural similarity."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from flexgs.compiling import CACHE
from flexgs.render.metrics import C1, C2, RADIUS, gaussian_window

F32 = npt.NDArray[np.float32]


def ssim_gradient(picture: F32, image: F32) -> tuple[float, F32]:
    """Mean SSIM of two (h, w, channels), and its gradient in the picture.

    As `flexgs.render.metrics.ssim` measures it, but without clamping. With the windowed means of
    x, y, x x, x y as the variables, S = l(mean x, mean y) cs(...); the window is its own transpose.

    Source: Wang et al., IEEE TIP 2004, equation 13; the derivative is ours.
    """
    window = gaussian_window()
    x, y = picture, image
    mean_x, mean_y = _blur(x, window), _blur(y, window)
    xx, yy, xy = _blur(x * x, window), _blur(y * y, window), _blur(x * y, window)
    a1 = 2 * mean_x * mean_y + np.float32(C1)
    a2 = 2 * (xy - mean_x * mean_y) + np.float32(C2)
    b1 = mean_x * mean_x + mean_y * mean_y + np.float32(C1)
    b2 = xx - mean_x * mean_x + yy - mean_y * mean_y + np.float32(C2)
    similarity = a1 * a2 / (b1 * b2)
    by_xy = 2 * a1 / (b1 * b2)
    by_xx = -similarity / b2
    by_mean = (
        2 * mean_y * (a2 - a1) / (b1 * b2)
        - 2 * mean_x * similarity / b1
        + 2 * mean_x * similarity / b2
    )
    slope = _blur(by_mean, window) + 2 * x * _blur(by_xx, window) + y * _blur(by_xy, window)
    return float(similarity.mean(dtype=np.float64)), (slope / x.size).astype(np.float32)


def _blur(image: npt.NDArray[np.floating], window: F32) -> F32:
    flat = np.ascontiguousarray(image, np.float32).reshape(len(image), -1)
    blurred: F32 = _windowed(flat, window, image.shape[2])
    return blurred.reshape(image.shape)


@nb.njit(cache=CACHE, error_model="numpy", fastmath={"contract", "nsz"}, parallel=True)
def _windowed(flat: F32, window: F32, channels: int) -> F32:  # (h, w * channels)
    """Windowed sums with zeros beyond the border."""
    height, width = flat.shape
    margin = RADIUS * channels
    out = np.empty_like(flat)
    for y in nb.prange(height):
        column = np.zeros(width + 2 * margin, np.float32)
        for source in range(max(0, y - RADIUS), min(height, y + RADIUS + 1)):
            weight = window[source - y + RADIUS]
            for x in range(width):
                column[margin + x] += weight * flat[source, x]
        out[y] = np.float32(0.0)
        for tap in range(2 * RADIUS + 1):
            weight, start = window[tap], tap * channels
            for x in range(width):
                out[y, x] += weight * column[start + x]
    return out

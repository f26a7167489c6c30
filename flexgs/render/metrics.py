# SPDX-License-Identifier: Apache-2.0
"""How much two images differ: MSE, PSNR, SSIM. Values are clamped to [0, 1], as a screen does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.compiling import CACHE
from flexgs.errors import SceneError

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

RADIUS = 5  # a window of 11 pixels
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
CHANNELS = 3


def mse(
    a: F32,  # (h, w, 3)
    b: F32,  # (h, w, 3)
) -> float:
    """Mean squared difference over pixels and channels, in float64.

    Raises:
        SceneError: the images have different sizes, or are empty.
    """
    _check_same_size(a, b)
    difference = np.clip(a, 0, 1).astype(np.float64) - np.clip(b, 0, 1)
    return float(np.mean(difference * difference))


def psnr(
    a: F32,  # (h, w, 3)
    b: F32,  # (h, w, 3)
) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; infinite for equal images.

    Raises:
        SceneError: the images have different sizes, or are empty.

    >>> round(psnr(np.zeros((2, 2, 3)), np.full((2, 2, 3), 0.1)), 6)
    20.0
    """
    error = mse(a, b)
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def ssim(
    a: F32,  # (h, w, 3)
    b: F32,  # (h, w, 3)
) -> float:
    """Structural similarity: mean over pixels and channels, 1 for equal images.

    As 3DGS measures it: Gaussian window of 11 pixels and sigma 1.5, zeros beyond the border, a map
    of the image's own size. Sums in float32 (within 1e-5 of a float64 reference).

    Raises:
        SceneError: the images have different sizes, or are empty.

    Source: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity,
        IEEE TIP 2004, equation 13.
    """
    _check_same_size(a, b)
    first, second = (
        np.clip(image, 0, 1).astype(np.float32).reshape(len(a), -1) for image in (a, b)
    )
    return float(_ssim_map(first, second, gaussian_window()).mean(dtype=np.float64))


def gaussian_window() -> F32:  # (11,)
    """The window's weights along one axis; they sum to 1."""
    offsets = np.arange(-RADIUS, RADIUS + 1)
    weights: F64 = np.exp(-(offsets**2) / (2 * SIGMA**2))
    window: F32 = (weights / weights.sum()).astype(np.float32)
    return window


def _check_same_size(a: F32, b: F32) -> None:
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != CHANNELS or a.size == 0:
        raise SceneError(
            "images cannot be compared", expected="two of shape (h, w, 3)", found=(a.shape, b.shape)
        )


@njit(cache=CACHE, error_model="numpy", fastmath={"contract", "nsz"}, nogil=True)
def _ssim_map(
    a: F32,  # (h, 3 w) in [0, 1]
    b: F32,  # (h, 3 w)
    window: F32,  # (11,)
) -> F32:  # (h, 3 w)
    """Row by row: windowed sums down the columns into a padded row, then along it."""
    height, width = a.shape
    margin = RADIUS * CHANNELS
    out = np.empty((height, width), np.float32)
    column = np.zeros((5, width + 2 * margin), np.float32)  # sums of a, b, a a, b b, a b
    total = np.empty((5, width), np.float32)
    c1, c2, two = np.float32(C1), np.float32(C2), np.float32(2.0)
    for y in range(height):
        column[:, margin : margin + width] = np.float32(0.0)
        for source in range(max(0, y - RADIUS), min(height, y + RADIUS + 1)):
            weight = window[source - y + RADIUS]
            for x in range(width):
                p, q = a[source, x], b[source, x]
                wp, wq = weight * p, weight * q
                column[0, margin + x] += wp
                column[1, margin + x] += wq
                column[2, margin + x] += wp * p
                column[3, margin + x] += wq * q
                column[4, margin + x] += wp * q
        total[:] = np.float32(0.0)
        for tap in range(2 * RADIUS + 1):
            weight, start = window[tap], tap * CHANNELS
            for kind in range(5):
                for x in range(width):
                    total[kind, x] += weight * column[kind, start + x]
        for x in range(width):
            mean_a, mean_b = total[0, x], total[1, x]
            square_a, square_b, product = mean_a * mean_a, mean_b * mean_b, mean_a * mean_b
            covariance = total[4, x] - product
            variances = total[2, x] - square_a + total[3, x] - square_b
            out[y, x] = ((two * product + c1) * (two * covariance + c2)) / (
                (square_a + square_b + c1) * (variances + c2)
            )
    return out

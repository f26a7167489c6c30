# SPDX-License-Identifier: Apache-2.0
"""PSNR and SSIM against plain float64 formulas."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from flexgs.errors import SceneError
from flexgs.render.metrics import gaussian_window, mse, psnr, ssim

F64 = npt.NDArray[np.float64]


def reference_ssim(a: F64, b: F64) -> float:
    """Direct double loops over the 2-D window, one channel at a time."""
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / 4.5)
    window = np.outer(line, line) / np.outer(line, line).sum()
    values = []
    for channel in range(3):
        x, y = np.pad(a[..., channel], 5), np.pad(b[..., channel], 5)
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                p, q = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * p * p).sum() - mp**2, (window * q * q).sum() - mq**2
                cov = (window * p * q).sum() - mp * mq
                top = (2 * mp * mq + 1e-4) * (2 * cov + 9e-4)
                values.append(top / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return float(np.mean(values))


def images(height: int, width: int, noise: float) -> tuple[F64, F64]:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width]
    base = 0.5 + 0.4 * np.sin(x / 3 + y / 5)[..., None] * np.array([1.0, 0.6, -0.8])
    return base, np.clip(base + noise * rng.normal(size=base.shape), 0, 1)


@pytest.mark.parametrize("shape", [(24, 31), (11, 11), (5, 4), (1, 1), (3, 40)])
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_ssim_agrees_with_the_plain_formula(shape: tuple[int, int], noise: float) -> None:
    a, b = images(*shape, noise)
    found = ssim(a.astype(np.float32), b.astype(np.float32))
    assert found == pytest.approx(reference_ssim(a, b), abs=1e-5)


def test_ssim_in_flat_regions_is_stable() -> None:
    a = np.full((20, 20, 3), 0.7, np.float32)
    assert ssim(a, a) == pytest.approx(1.0, abs=1e-6)
    assert ssim(a, a + np.float32(1e-4)) == pytest.approx(1.0, abs=1e-4)


def test_ssim_is_symmetric_and_at_most_one() -> None:
    a, b = (i.astype(np.float32) for i in images(16, 16, 0.1))
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-7)
    assert ssim(a, b) < 1


def test_the_window_is_normalised() -> None:
    assert gaussian_window().sum() == pytest.approx(1.0, abs=1e-6)
    assert len(gaussian_window()) == 11


def test_psnr_of_known_errors() -> None:
    black = np.zeros((4, 4, 3), np.float32)
    assert psnr(black, np.full_like(black, 0.01)) == pytest.approx(40.0, abs=1e-5)
    assert psnr(black, black) == math.inf
    assert mse(black, np.ones_like(black)) == 1.0


def test_values_beyond_the_screen_are_clamped() -> None:
    white = np.ones((4, 4, 3), np.float32)
    assert psnr(white, 3 * white) == math.inf
    assert mse(-white, 0 * white) == 0.0
    assert ssim(white, 3 * white) == pytest.approx(1.0, abs=1e-6)


def test_inputs_are_left_alone() -> None:
    a = np.full((4, 4, 3), 2.0, np.float32)
    ssim(a, a), psnr(a, a)
    assert (a == 2.0).all()


@pytest.mark.parametrize("metric", [mse, psnr, ssim])
@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 4), (0, 4, 3), (4, 4, 4)])
def test_images_that_cannot_be_compared_are_refused(metric, shape) -> None:  # type: ignore[no-untyped-def]
    other = np.zeros((4, 4, 3), np.float32)
    first = np.zeros(shape, np.float32)
    with pytest.raises(SceneError, match="cannot be compared"):
        metric(first, first if len(shape) == 2 or 0 in shape or shape[2] == 4 else other)

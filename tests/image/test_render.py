# SPDX-License-Identifier: Apache-2.0
"""Pictures of 2-D Gaussians: against the formula, by crops, zooms and threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from flexgs.errors import UsageError
from flexgs.image import ImageSplats
from flexgs.image.render import render

CUT = 4.5


def scene(channels: int, layers: bool, n: int = 60, seed: int = 0) -> ImageSplats:
    """Gaussians of all shapes in and around 53x38 pixels."""
    rng = np.random.default_rng(seed)
    factors = np.stack(
        [rng.uniform(0.3, 9, n), rng.normal(0, 4, n), rng.uniform(0.3, 9, n)], axis=1
    )
    return ImageSplats(
        rng.uniform(-10, 60, (n, 2)),
        factors,
        rng.normal(0.3, 0.5, (n, channels)),
        rng.uniform(0.05, 1, n) if layers else None,
        width=53,
        height=38,
    )


def by_formula(splats: ImageSplats) -> npt.NDArray[np.float64]:
    """The picture in float64, one Gaussian at a time over all pixels."""
    ys, xs = np.mgrid[: splats.height, : splats.width] + 0.5
    out = np.zeros((splats.height, splats.width, splats.channels))
    through = np.ones((splats.height, splats.width, 1))
    for i in range(splats.n):
        l11, l21, l22 = splats.cholesky[i].astype(float)
        z1 = (xs - splats.means[i, 0]) / l11
        z2 = (ys - splats.means[i, 1] - l21 * z1) / l22
        weight = np.maximum(0, np.exp(-0.5 * (z1**2 + z2**2)) - np.exp(-CUT))[..., None]
        if splats.opacities is not None:
            alpha = np.minimum(0.999, weight * splats.opacities[i])
            weight, through = alpha * through, through * (1 - alpha)
        out += weight * splats.colors[i]
    return out


@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_picture_follows_the_formula(channels: int, layers: bool) -> None:
    splats = scene(channels, layers)
    np.testing.assert_allclose(render(splats), by_formula(splats), atol=2e-5)


@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.parametrize("zoom", [1.0, 0.4, 2.7])
def test_a_crop_is_that_part_of_the_whole(layers: bool, zoom: float) -> None:
    splats = scene(3, layers)
    whole = render(splats, zoom=zoom)
    height, width = whole.shape[:2]
    for x0, y0, x1, y1 in [(0, 0, 1, 1), (3, 5, width, height), (17, 1, 20, height - 1)]:
        part = render(splats, crop=(x0, y0, x1, y1), zoom=zoom)
        np.testing.assert_array_equal(part, whole[y0:y1, x0:x1])


@pytest.mark.parametrize("layers", [False, True])
def test_threads_do_not_change_a_bit(layers: bool) -> None:
    splats = scene(3, layers, n=400)
    np.testing.assert_array_equal(render(splats, threads=1), render(splats, threads=2))


def test_a_smaller_picture_has_the_means_of_areas() -> None:
    splats = scene(3, layers=False, n=200)
    splats = replace(splats, width=52, height=40, cholesky=splats.cholesky * np.float32(0.3))
    areas = render(splats).reshape(10, 4, 13, 4, 3).mean(axis=(1, 3))
    small = render(splats, zoom=0.25)
    points = render(splats)[2::4, 2::4]
    assert small.shape == areas.shape
    assert np.abs(small - areas).mean() < 0.15 * np.abs(points - areas).mean()


def test_a_larger_picture_holds_the_same_at_the_same_places() -> None:
    splats = scene(3, layers=False)
    np.testing.assert_allclose(render(splats, zoom=3)[1::3, 1::3], render(splats), atol=2e-4)


def test_no_gaussians_make_a_black_picture() -> None:
    empty = scene(3, layers=False).select(slice(0, 0))
    assert render(empty).shape == (38, 53, 3)
    assert not render(empty).any()


@pytest.mark.parametrize("crop", [(0, 0, 54, 38), (-1, 0, 5, 5), (5, 5, 5, 6), (9, 5, 8, 6)])
def test_crops_outside_are_refused(crop: tuple[int, int, int, int]) -> None:
    with pytest.raises(UsageError):
        render(scene(3, layers=False), crop=crop)


@pytest.mark.parametrize("zoom", [0.0, -1.0, float("nan"), 1e6])
def test_impossible_zooms_are_refused(zoom: float) -> None:
    with pytest.raises(UsageError):
        render(scene(3, layers=False), zoom=zoom)

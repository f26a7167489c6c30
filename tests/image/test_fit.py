# SPDX-License-Identifier: Apache-2.0
"""Fits converge, keep to their contracts, and say when they cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from flexgs.errors import SceneError, UsageError
from flexgs.image import ImageSplats
from flexgs.image.fit import (
    FitOptions,
    FitResult,
    Growth,
    Loss,
    Moment,
    count_for,
    entropy_of,
    fit,
    pruned,
)
from flexgs.image.fit.placing.density import cells, place
from flexgs.image.fit.shapes import LONGEST, SHAPES, Bounds, ShapeName
from flexgs.image.gradient import Gradients, gradients, make_target, removal_errors
from flexgs.image.render import render
from flexgs.render.metrics import psnr, ssim

F32 = npt.NDArray[np.float32]


def picture(height: int = 64, width: int = 80, channels: int = 3) -> F32:
    """A disc and a bar on a ramp."""
    ys, xs = np.mgrid[:height, :width].astype(np.float64)
    out = np.stack([xs / width, ys / height, 0.5 + 0 * xs, 1 + 0 * xs], axis=2)
    out[(xs - 25) ** 2 + (ys - 30) ** 2 < 200] = [0.9, 0.2, 0.1, 0.5]
    out[40:46, 35:75] = [0.1, 0.8, 0.9, 1.0]
    return out[..., :channels].astype(np.float32)


SMALL = FitOptions(count=60, steps=120)


def psnr_of(result: FitResult, image: F32) -> float:
    return psnr(np.asarray(render(result.splats)), image)


def test_a_fit_reaches_what_this_picture_allows() -> None:
    result = fit(picture(), SMALL)
    assert result.splats.n <= 60
    assert result.psnr > 25.5
    assert psnr_of(result, picture()) == pytest.approx(result.psnr, abs=0.01)
    assert result.steps == 120
    assert result.repaired == 0


def test_more_gaussians_and_more_steps_are_better() -> None:
    few = fit(picture(), replace(SMALL, count=20)).psnr
    short = fit(picture(), replace(SMALL, steps=40)).psnr
    full = fit(picture(), SMALL).psnr
    assert full > few + 0.8
    assert full > short + 0.5


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"shapes": "cholesky"}, 27),
        ({"shapes": "rotation"}, 27),
        ({"layers": True}, 25),
        ({"start": "random"}, 26),
        ({"growth": Growth(how="split")}, 22.5),
        ({"growth": Growth(how="clone")}, 22),
        ({"growth": Growth(rounds=0)}, 26),
        ({"coarse_shares": (0.2, 0.1)}, 26),
        ({"lbfgs_steps": 10}, 28),
        ({"rates_by_count": True}, 20),
        ({"loss": Loss(l2=0, l1=1)}, 27),
        ({"loss": Loss(l2=1, ssim=0.1)}, 26),
    ],
)
def test_every_choice_converges(change: dict[str, object], least: float) -> None:
    assert fit(picture(), replace(SMALL, **change)).psnr > least  # type: ignore[arg-type]


def test_superpixels_start_near_the_image() -> None:
    pytest.importorskip("skimage")
    options = replace(SMALL, start="superpixels", growth=Growth(rounds=0), steps=30)
    random = replace(options, start="random")
    assert fit(picture(), options).psnr > fit(picture(), random).psnr + 2


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_images(channels: int) -> None:
    result = fit(picture(channels=channels), SMALL)
    assert result.splats.channels == channels
    assert result.psnr > 28


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 3)])
def test_images_of_any_size(size: tuple[int, int]) -> None:
    image = picture()[: size[0], : size[1]]
    result = fit(image, FitOptions(count=5, steps=30))
    assert np.asarray(render(result.splats)).shape == image.shape
    assert result.psnr > 15


def test_an_image_of_one_colour() -> None:
    result = fit(np.full((32, 32, 3), 0.4, np.float32), FitOptions(count=8, steps=60))
    assert result.psnr > 25


@pytest.mark.parametrize("layers", [False, True])
def test_threads_do_not_change_a_bit(layers: bool) -> None:
    results = [
        fit(picture(), replace(SMALL, steps=40, layers=layers, threads=threads)).splats
        for threads in (1, 2)
    ]
    for name in ("means", "cholesky", "colors"):
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))


def test_a_report_hears_and_can_end_the_fit() -> None:
    heard: list[Moment] = []

    def report(moment: Moment) -> bool:
        heard.append(moment)
        return moment.step < 60

    result = fit(picture(), SMALL, report=report, report_every=20)
    assert [moment.step for moment in heard] == [0, 20, 40, 60]
    assert result.steps == 60
    assert result.history == tuple(heard)
    assert result.psnr >= max(moment.psnr for moment in heard) - 1e-9
    assert psnr_of(result, picture()) == pytest.approx(result.psnr, abs=0.05)


def coarse(splats: ImageSplats) -> ImageSplats:
    return replace(splats, colors=np.round(splats.colors * 4) / np.float32(4))


def test_training_with_the_quantiser_beats_quantising_afterwards() -> None:
    image = picture()
    aware = fit(image, replace(SMALL, steps=200), quantise=coarse)
    plain = fit(image, replace(SMALL, steps=200))
    after = psnr(np.asarray(render(coarse(plain.splats))), image)
    assert psnr(np.asarray(render(coarse(aware.splats))), image) == pytest.approx(
        aware.psnr, abs=0.01
    )
    assert aware.psnr > after + 0.6


def test_a_quantiser_that_loses_gaussians_is_refused() -> None:
    with pytest.raises(UsageError):
        fit(picture(), SMALL, quantise=lambda splats: splats.select(slice(0, 3)))


def test_gradients_that_are_no_numbers_are_left_out_or_end_the_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def poisoned(rows: int) -> Callable[..., Gradients]:
        def measure(*arguments: object, **options: object) -> Gradients:
            found = gradients(*arguments, **options)  # type: ignore[arg-type]
            found.colors[:rows] = np.nan
            return found

        return measure

    options = replace(SMALL, steps=3)
    monkeypatch.setattr("flexgs.image.fit.loop.gradients", poisoned(1))
    assert fit(picture(), options).repaired == 3
    monkeypatch.setattr("flexgs.image.fit.loop.gradients", poisoned(10))
    with pytest.raises(SceneError):
        fit(picture(), options)


def test_weights_decide_where_the_error_may_be() -> None:
    image = picture()
    weights = np.full(image.shape[:2], 0.01, np.float32)
    weights[:, :40] = 1
    result = fit(image, replace(SMALL, count=25), weights=weights)
    error = (np.asarray(render(result.splats)) - image) ** 2
    plain = (np.asarray(render(fit(image, replace(SMALL, count=25)).splats)) - image) ** 2
    assert error[:, :40].mean() < plain[:, :40].mean()


def test_every_gaussian_that_is_kept_shows() -> None:
    result = fit(picture(), replace(SMALL, count=100, steps=30))
    assert (removal_errors(result.splats, make_target(picture())) != 0).all()


def test_ssim_can_be_what_is_fitted() -> None:
    plain = fit(picture(), SMALL)
    similar = fit(picture(), replace(SMALL, loss=Loss(l2=0.1, ssim=1)))
    assert ssim(np.asarray(render(similar.splats)), picture()) > ssim(
        np.asarray(render(plain.splats)), picture()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": 10**9},
        {"steps": 0},
        {"start": "magic"},
        {"shapes": "magic"},
        {"final_rate": 2.0},
        {"growth": Growth(first_share=0.0)},
        {"coarse_shares": (0.7, 0.7)},
        {"loss": Loss(0, 0, 0)},
        {"least_scale": 0.0},
        {"lbfgs_steps": -1},
    ],
)
def test_options_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(SMALL, **change)  # type: ignore[arg-type]


def test_fewer_gaussians_by_what_each_is_worth() -> None:
    image = picture()
    full = fit(image, replace(SMALL, steps=60)).splats
    half = pruned(full, make_target(image), full.n // 2)
    random = full.select(np.random.default_rng(0).permutation(full.n)[: full.n // 2])
    assert half.n == full.n // 2
    assert psnr(render(half), image) > psnr(render(random), image) + 3
    again = fit(image, replace(SMALL, steps=40), begin=half)
    assert again.splats.n <= half.n
    assert again.psnr > psnr(render(half), image) + 1


def test_a_fit_begins_only_from_gaussians_of_its_image() -> None:
    other = fit(picture(20, 30), FitOptions(count=5, steps=1)).splats
    with pytest.raises(UsageError):
        fit(picture(), SMALL, begin=other)


def test_busy_images_get_more_gaussians_than_simple_ones() -> None:
    flat = np.full((64, 64, 3), 0.4, np.float32)
    noise = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    half = np.concatenate([flat[:, :32], noise[:, :32]], axis=1)
    assert count_for(flat) < count_for(half) <= count_for(noise)
    assert entropy_of(flat) == 0
    assert 7 < entropy_of(noise) <= 8.1


def test_rectangles_share_the_mass_and_fill_the_picture() -> None:
    density = np.random.default_rng(0).random((40, 30)) ** 4
    boxes = cells(density, 37)
    covered = np.zeros_like(density)
    for x0, y0, x1, y1 in boxes:
        covered[y0:y1, x0:x1] += 1
    assert (covered == 1).all()
    masses = [density[y0:y1, x0:x1].sum() for x0, y0, x1, y1 in boxes]
    assert max(masses) < 2.5 * density.sum() / 37


def test_points_follow_the_density() -> None:
    density = np.ones((40, 40))
    density[:, 20:] = 3
    points, placed = place(density, 100, np.random.default_rng(0))
    assert points.shape == (100, 2)
    assert 65 <= (points[:, 0] >= 20).sum() <= 85
    assert placed.min() > 0


@pytest.mark.parametrize("name", ["relative", "cholesky", "rotation"])
def test_no_gaussian_grows_longer_than_a_file_can_say(name: ShapeName) -> None:
    shapes = SHAPES[name]
    lines = np.array([[300, 200, 0.5], [150, 150, 0.5], [5, 1, 4]], np.float32)
    still = np.zeros((3, 5), np.float32)
    _, raw = shapes.move(np.zeros((3, 2), np.float32), shapes.start(lines), still, Bounds(0.3, 768))
    after = shapes.cholesky(raw).astype(np.float64)
    (before_axes, before_turns), (axes, turns) = axes_of(lines.astype(np.float64)), axes_of(after)
    assert (axes[:, 1] / axes[:, 0] < 1.001 * LONGEST).all()
    assert (before_axes[:2, 1] / before_axes[:2, 0] > 1.5 * LONGEST).all()
    np.testing.assert_allclose(axes[:, 0], before_axes[:, 0], rtol=2e-2)
    np.testing.assert_allclose(turns, before_turns, atol=1e-3)
    np.testing.assert_allclose(after[2], lines[2], rtol=1e-5)


def axes_of(factors: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Axes (n, 2) of factors, ascending, and |direction of the longer one| (n, 2)."""
    lower = np.zeros((len(factors), 2, 2))
    lower[:, 0, 0], lower[:, 1, 0], lower[:, 1, 1] = factors.T
    directions, axes, _ = np.linalg.svd(lower)
    return axes[:, ::-1], np.abs(directions[:, :, 0])

# SPDX-License-Identifier: Apache-2.0
"""Gradients of a picture's error, by finite differences of the formula in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from flexgs.errors import SceneError
from flexgs.image import ImageSplats
from flexgs.image.gradient import gradients, make_target, removal_errors
from flexgs.image.render import render, use_threads
from tests.image.test_render import by_formula, scene

F32 = npt.NDArray[np.float32]


def loss(splats: ImageSplats, image: F32, weights: F32, l2: float, l1: float, extra: F32) -> float:
    picture = by_formula(splats)
    r = picture - image
    each = weights[..., None] * (l2 * r * r / 2 + l1 * np.abs(r)) + extra * picture
    return float(each.sum())


def by_differences(splats: ImageSplats, name: str, rows: range, *rest: object) -> F32:
    """Central differences of `loss`, a value at a time."""
    values = getattr(splats, name).astype(np.float64)
    out = np.zeros_like(values[: len(rows)])
    for index in np.ndindex(out.shape):
        ends = []
        for sign in (1, -1):
            moved = values.copy()
            moved[index] += sign * 1e-3
            ends.append(loss(replace(splats, **{name: moved}), *rest))  # type: ignore[arg-type]
        out[index] = (ends[0] - ends[1]) / 2e-3
    return out


@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gradients_follow_finite_differences(channels: int, layers: bool) -> None:
    rng = np.random.default_rng(3)
    splats = scene(channels, layers, n=25, seed=4)
    splats = replace(splats, cholesky=splats.cholesky + np.float32([1, 0, 1]))
    if layers:
        splats = replace(splats, opacities=splats.opacities * np.float32(0.9))
    shape = (splats.height, splats.width, channels)
    image, extra = (rng.uniform(0, 1, shape).astype(np.float32) for _ in range(2))
    weights = rng.uniform(0.5, 1, shape[:2]).astype(np.float32)
    l2, l1 = 1.5, 0.0  # |r| has no derivative where r changes its sign
    found = gradients(splats, make_target(image, weights), l2, l1, extra)
    names = ["means", "cholesky", "colors"] + ["opacities"] * layers
    for name in names:
        wanted = by_differences(splats, name, range(12), image, weights, l2, l1, extra)
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(getattr(found, name)[:12], wanted, atol=4e-3 * scale)


def test_absolute_errors_pull_by_their_sign() -> None:
    splats = scene(1, layers=False, n=25)
    for offset, sign in ((1.0, 1), (-1.0, -1)):
        image = (by_formula(splats) - offset).astype(np.float32)
        found = gradients(splats, make_target(image), l2=0.0, l1=1.0)
        flat = gradients(splats, make_target(image), 0.0, 0.0, np.full_like(image, sign))
        np.testing.assert_allclose(found.colors, flat.colors, rtol=1e-5)


def test_errors_are_those_of_the_clamped_picture() -> None:
    splats = scene(3, layers=False)
    image = np.random.default_rng(1).uniform(0, 1, (38, 53, 3)).astype(np.float32)
    found = gradients(splats, make_target(image))
    r = np.clip(render(splats), 0, 1) - image
    assert found.mean_square == pytest.approx(float((r * r).mean()), rel=1e-5)
    assert found.mean_absolute == pytest.approx(float(np.abs(r).mean()), rel=1e-5)


@pytest.mark.parametrize("layers", [False, True])
def test_threads_do_not_change_a_bit(layers: bool) -> None:
    splats = scene(3, layers, n=300)
    target = make_target(np.full((38, 53, 3), 0.5, np.float32))
    results = []
    for threads in (1, 2):
        use_threads(threads)
        results.append(gradients(splats, target))
    for name in ("means", "cholesky", "colors"):
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))
    assert results[0].mean_square == results[1].mean_square


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(SceneError):
        make_target(np.zeros((4, 4, 2), np.float32))
    with pytest.raises(SceneError):
        make_target(np.full((4, 4, 3), np.nan, np.float32))
    for weights in (np.zeros((4, 4)), np.full((4, 4), -1.0), np.ones((4, 5))):
        with pytest.raises(SceneError):
            make_target(np.zeros((4, 4, 3), np.float32), weights.astype(np.float32))
    with pytest.raises(SceneError):
        gradients(scene(3, layers=False), make_target(np.zeros((4, 4, 3), np.float32)))


@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_removal_errors_are_those_of_taking_each_away(channels: int, layers: bool) -> None:
    splats = scene(channels, layers, n=25)
    image = np.random.default_rng(1).uniform(0, 1, (38, 53, channels)).astype(np.float32)
    found = removal_errors(splats, make_target(image))
    whole = ((by_formula(splats) - image) ** 2).sum()
    for i in range(splats.n):
        without = by_formula(splats.select(np.arange(splats.n) != i))
        wanted = ((without - image) ** 2).sum() - whole
        assert found[i] == pytest.approx(wanted, abs=1e-2, rel=2e-3)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.errors import UsageError
from flexgs.importance import scores
from flexgs.importance.agreement import rank_correlations
from flexgs.importance.scores import SIGNED_SHARE
from flexgs.importance.seed_fisher import SeedFisher
from flexgs.importance.view_weights import ViewWeights, raw_weight
from flexgs.render import GROUPS, Parameters, Renderer


def ignore(_: int) -> None:
    """No progress."""


def brute_force(splats: Splats, views: tuple[Camera, ...], renderer: Renderer) -> np.ndarray:
    """Squared change of the images when each Gaussian is taken away."""
    errors = np.zeros(splats.n)
    for camera in views:
        whole = renderer.render(splats, camera).astype(np.float64)
        for i in range(splats.n):
            rest = splats.select(np.delete(np.arange(splats.n), i))
            errors[i] += np.sum((renderer.render(rest, camera) - whole) ** 2)
    return errors


def test_removal_is_the_error_of_rendering_without(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    views = ring[:3]
    found = scores.get("removal")(splats, views, renderer, None, ignore)
    true = brute_force(splats, views, renderer)
    assert rank_correlations([found, true])[0, 1] > 0.999
    np.testing.assert_allclose(found, true, rtol=2e-2, atol=1e-3 * true.max())


def test_removal_takes_a_share_of_the_signed_change(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    view = ring[0]
    target = np.full((view.height, view.width, 3), 0.4, np.float32)
    plain = renderer.contributions(splats, view)
    against = renderer.contributions(splats, view, target)
    found = scores.get("removal")(splats, [view], renderer, lambda _: target, ignore)
    wanted = plain.removal + SIGNED_SHARE * (against.signed - plain.removal)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6 * abs(wanted).max())
    assert (against.signed < plain.removal).any()
    assert (against.signed > plain.removal).any()


@pytest.mark.parametrize("name", ["removal", "blend-weight", "coverage", "fisher", "seed-fisher"])
def test_a_gaussian_that_no_view_sees_scores_zero(
    name: str, splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    means = splats.means.copy()
    means[7] = [0, -500, 0]
    values = scores.get(name)(replace(splats, means=means), ring[:2], renderer, None, ignore)
    assert values.shape == (splats.n,)
    assert values[7] == 0
    assert (np.delete(values, 7) > 0).any()
    assert np.isfinite(values).all()


@pytest.mark.parametrize("name", ["removal", "blend-weight", "coverage", "fisher", "seed-fisher"])
def test_scores_do_not_depend_on_the_order_of_the_rows(
    name: str, splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    order = np.random.default_rng(0).permutation(splats.n)
    one = scores.get(name)(splats, ring[:2], renderer, None, ignore)
    two = scores.get(name)(splats.select(order), ring[:2], renderer, None, ignore)
    np.testing.assert_allclose(two, one[order], rtol=1e-3, atol=1e-6 * one.max())


def test_progress_counts_every_view(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    for name in scores:
        ticks: list[int] = []
        scores.get(name)(splats, ring[:3], renderer, None, ticks.append)
        assert sum(ticks) == 3, name


class RecordsGroups:
    """A renderer that says which groups were asked for."""

    name = "recorder"

    def __init__(self, inner: Renderer) -> None:
        self._inner = inner
        self.groups: list[tuple[str, ...]] = []

    def backward(
        self, splats: Splats, camera: Camera, weights: np.ndarray, groups: tuple[str, ...] = GROUPS
    ) -> Parameters:
        self.groups.append(groups)
        return self._inner.backward(splats, camera, weights, groups)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def test_seed_fisher_is_its_formula(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    lambdas = {"means": 0.5, "log_scales": 0.0, "quats": 2.0, "opacity_logits": 1.0, "dc": 1.0}
    weights = ViewWeights(gamma=3.0, top_views=1)
    recorder = RecordsGroups(renderer)
    found = SeedFisher(lambdas, weights)(splats, ring[:3], recorder, None, ignore)  # type: ignore[arg-type]

    raw = np.array([raw_weight(splats, camera, renderer) for camera in ring[:3]])
    raw[np.argmax(raw)] *= 3.0
    opacity = 1 / (1 + np.exp(-splats.opacity_logits.astype(np.float64)))
    wanted = np.zeros(splats.n)
    for weight, camera in zip(raw, ring[:3], strict=True):
        ones = np.ones((camera.height, camera.width, 3), np.float32)
        g = renderer.backward(splats, camera, ones)
        hits = renderer.contributions(splats, camera).hits
        norm = 0.5 * np.linalg.norm(g.means, axis=1) + 2 * np.linalg.norm(g.quats, axis=1)
        norm += np.abs(g.opacity_logits) + np.linalg.norm(g.sh[:, 0], axis=1)
        wanted += weight * (hits > 0) * opacity * hits / (camera.width * camera.height) * norm
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-9)
    assert recorder.groups == [("means", "quats", "opacity_logits", "dc")] * 3


def test_the_summed_gradient_of_positions_vanishes_inside_the_frame(renderer: Renderer) -> None:
    """Why the seed proxy cannot see positions: moving a Gaussian moves light, it makes none."""
    one = Splats(
        np.zeros((1, 3)), np.full((1, 3), -2.0), np.eye(4)[:1], np.ones(1), np.ones((1, 1, 3))
    )
    pose = np.eye(4)
    pose[2, 3] = 3.0
    camera = Camera("a", 64, 64, 60, 60, 32, 32, pose)
    ones = np.ones((64, 64, 3), np.float32)
    gradient = renderer.backward(one, camera, ones).means
    diagonal, _ = renderer.fisher(one, camera)
    assert np.abs(gradient[0, :2]).max() < 0.02 * np.sqrt(diagonal.means[0, 0])


def test_bad_weights_are_refused() -> None:
    with pytest.raises(UsageError):
        SeedFisher({"colour": 1.0})
    with pytest.raises(UsageError):
        SeedFisher({"means": -1.0})
    with pytest.raises(UsageError):
        ViewWeights(gamma=1.0)
    with pytest.raises(UsageError):
        ViewWeights(top_percent=101)

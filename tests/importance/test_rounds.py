# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.importance import removal_order, round_ends, scores
from flexgs.importance.sums import TargetOf
from flexgs.progress import SILENT, Advance
from flexgs.render import Renderer


def test_the_order_is_a_permutation_and_deterministic(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    removal = scores.get("removal")
    one, two = (
        removal_order(splats, ring[:3], renderer, removal, round_ends(0.3, 0.2, 0.8), None, SILENT)
        for _ in range(2)
    )
    np.testing.assert_array_equal(np.sort(one), np.arange(splats.n))
    np.testing.assert_array_equal(one, two)


def test_one_shot_is_the_order_of_the_scores(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    blend = scores.get("blend-weight")
    values = blend(splats, ring[:3], renderer, None, lambda _: None)
    order = removal_order(splats, ring[:3], renderer, blend, (), None, SILENT)
    np.testing.assert_array_equal(order, np.argsort(values, kind="stable"))


def test_later_rounds_score_what_is_left(ring: tuple[Camera, ...], renderer: Renderer) -> None:
    """Ten equal Gaussians hide one another: each alone is worth little, all together much."""
    seen: list[int] = []

    def count(
        splats: Splats,
        views: object,
        renderer: Renderer,
        target: TargetOf | None,
        advance: Advance,
    ) -> np.ndarray:
        seen.append(splats.n)
        return np.arange(splats.n, dtype=np.float64)

    splats = Splats(
        np.zeros((10, 3)), np.zeros((10, 3)), np.ones((10, 4)), np.zeros(10), np.zeros((10, 1, 3))
    )
    order = removal_order(splats, ring[:1], renderer, count, (0.3, 0.6), None, SILENT)
    assert seen == [10, 7]
    np.testing.assert_array_equal(order, np.arange(10))


def test_rounds_beat_one_shot_on_hidden_gaussians(
    ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    """Two coincident opaque Gaussians: one shot throws both away, rounds keep one."""
    means = np.array([[0, 0, 0], [0, 0, 0], [1.2, 0, 0], [-1.2, 0, 0]], np.float32)
    logits = np.array([4, 4, 1.0, 1.0], np.float32)
    sh = np.full((4, 1, 3), 1.0, np.float32)
    splats = Splats(means, np.full((4, 3), -1.5), np.tile([1.0, 0, 0, 0], (4, 1)), logits, sh)
    removal = scores.get("removal")
    one_shot = removal_order(splats, ring, renderer, removal, (), None, SILENT)
    rounds = removal_order(splats, ring, renderer, removal, (0.25, 0.5), None, SILENT)
    assert set(one_shot[:2]) == {0, 1}
    assert len(set(rounds[:2]) & {0, 1}) == 1


def test_round_ends() -> None:
    assert round_ends(0.3, 0.05, 0.2) == (0.2,)
    np.testing.assert_allclose(round_ends(0.3, 0.05, 0.45), [0.3, 0.35, 0.4, 0.45])

# SPDX-License-Identifier: Apache-2.0
"""Repair lowers the error, moves what it may move, and gives the same bits for any threads."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.importance.sums import sum_over_views
from flexgs.render import Renderer, get_renderer
from flexgs.repair import GROUPS, FreeSplats, Rates, repair_pass
from tests.repair.conftest import TargetOf

Ring = tuple[Camera, ...]


def ignore(_: int) -> None:
    """No progress."""


def squared_error(splats: Splats, views: Ring, target_of: TargetOf, renderer: Renderer) -> float:
    return sum(
        float(np.square(renderer.render(splats, view) - target_of(view)).sum()) for view in views
    )


def half(splats: Splats) -> Splats:
    return splats.select(np.arange(0, splats.n, 2))


def repaired(
    splats: Splats,
    views: Ring,
    target_of: TargetOf,
    renderer: Renderer,
    rates: Rates | None = None,
    passes: int = 4,
) -> Splats:
    free = FreeSplats(splats)
    for seed in range(passes):
        repair_pass(free, views, renderer, target_of, rates or Rates(), seed, ignore)
    return free.snapshot()


def same(a: Splats, b: Splats, group: str) -> bool:
    return bool(np.array_equal(getattr(a, group), getattr(b, group)))


def test_passes_lower_the_squared_error(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer
) -> None:
    broken = half(splats)
    errors = [
        squared_error(
            repaired(broken, ring, target_of, renderer, passes=n), ring, target_of, renderer
        )
        for n in (0, 1, 4, 12)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.8 * errors[0]


@pytest.mark.parametrize("groups", [("dc", "sh"), ("opacity_logits",), ("means",), ("log_scales",)])
def test_every_group_alone_helps_and_the_others_stand_still(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer, groups: tuple[str, ...]
) -> None:
    broken = half(splats)
    start = FreeSplats(broken).snapshot()
    found = repaired(broken, ring, target_of, renderer, Rates().only(*groups))
    before = squared_error(broken, ring, target_of, renderer)
    assert squared_error(found, ring, target_of, renderer) < before
    moved = {group for group in GROUPS if not same(start, found, group)}
    assert moved == {"sh" if group == "dc" else group for group in groups}


def test_dc_alone_leaves_the_rest_of_sh(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer
) -> None:
    broken = half(splats)
    found = repaired(broken, ring, target_of, renderer, Rates().only("dc"))
    assert np.array_equal(found.sh[:, 1:], broken.sh[:, 1:])
    assert not np.array_equal(found.sh[:, 0], broken.sh[:, 0])


def test_a_scene_that_needs_no_repair_keeps_its_looks(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer
) -> None:
    found = repaired(splats, ring, target_of, renderer, passes=1)
    error = squared_error(found, ring, target_of, renderer)
    assert error < 1e-2 * squared_error(half(splats), ring, target_of, renderer)


def test_the_bits_are_the_same_for_any_threads_and_every_run(
    splats: Splats, ring: Ring, target_of: TargetOf
) -> None:
    runs = [repaired(half(splats), ring, target_of, get_renderer("cpu", n)) for n in (1, 2, 2)]
    for group in GROUPS:
        assert same(runs[0], runs[1], group), group
        assert same(runs[0], runs[2], group), group


def test_nothing_given_is_changed(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer
) -> None:
    broken = half(splats)
    before = [getattr(broken, group).copy() for group in GROUPS]
    repaired(broken, ring, target_of, renderer, passes=1)
    for group, array in zip(GROUPS, before, strict=True):
        assert np.array_equal(getattr(broken, group), array)


def test_a_snapshot_is_for_good_and_a_view_is_not(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer
) -> None:
    free = FreeSplats(half(splats))
    live, fixed = free.splats(), free.snapshot()
    repair_pass(free, ring, renderer, target_of, Rates(), 0, ignore)
    assert same(live, free.splats(), "means")
    assert not same(fixed, free.splats(), "means")


def test_kept_rows_keep_their_place_in_the_original(splats: Splats) -> None:
    free = FreeSplats(splats)
    free.keep(np.arange(10, 200, 2))
    free.keep(np.array([0, 5, 7]))
    assert free.rows.tolist() == [10, 20, 24]
    assert np.array_equal(free.splats().means, splats.means[[10, 20, 24]])
    assert free.gradient.sh.shape == (3, 4, 3)


def test_rounding_is_seen_but_does_not_move_the_exact_values(splats: Splats) -> None:
    free = FreeSplats(splats)
    exact = free.snapshot()
    coarse = replace(exact, means=np.round(exact.means, 1), sh=np.round(exact.sh, 1))
    free.round_like(coarse)
    np.testing.assert_allclose(free.splats().means, coarse.means, atol=1e-6)
    np.testing.assert_allclose(free.splats().sh, coarse.sh, atol=1e-6)
    assert all(same(free.snapshot(), exact, group) for group in GROUPS)


def test_passes_score_what_a_pass_without_steps_scores(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer
) -> None:
    still = Rates().only()
    moved = repair_pass(FreeSplats(splats), ring, renderer, target_of, still, 0, ignore)
    scored = sum_over_views(splats, ring, renderer, "removal", None, ignore)
    np.testing.assert_allclose(moved, scored, rtol=1e-4)
    counts: list[int] = []
    repair_pass(FreeSplats(splats), ring, renderer, target_of, still, 0, counts.append)
    assert sum(counts) == len(ring)


def test_rates_scale_and_choose() -> None:
    assert astuple(Rates().scaled(2)) == tuple(2 * rate for rate in astuple(Rates()))
    assert replace(Rates().only("dc"), dc=0.0) == Rates().only()


def test_no_gaussians_are_no_trouble(
    splats: Splats, ring: Ring, target_of: TargetOf, renderer: Renderer
) -> None:
    found = repaired(splats.select(slice(0, 0)), ring, target_of, renderer, passes=1)
    assert found.n == 0

# SPDX-License-Identifier: Apache-2.0
"""The search against exhaustive grids, and how it behaves where there is nothing to find."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flexgs.errors import FlexgsError, SearchError, UsageError
from flexgs.search import (
    Budget,
    Evaluation,
    MaxBytes,
    MaxDrop,
    Setting,
    Space,
    TargetUnreachableError,
    find_setting,
    ratio_target,
)
from tests.search.surfaces import MEASURED, ROUGH, SMOOTH, Surface

GRID = Space().settings()


def by_name(surface: Surface) -> str:
    return surface.name


def smallest_file(surface: Surface, drop_db: float) -> float:
    met = surface.drops(GRID[:, 0], GRID[:, 1]) <= drop_db
    return float(surface.sizes(GRID[:, 0], GRID[:, 1])[met].min())


@pytest.mark.parametrize("drop_db", [0.3, 1.0])
@pytest.mark.parametrize("surface", [*SMOOTH, ROUGH[0], MEASURED], ids=by_name)
def test_lands_on_the_target_with_nearly_the_smallest_file(
    surface: Surface, drop_db: float
) -> None:
    found = find_setting(surface.distortion, surface.size, MaxDrop(drop_db))
    assert found.reached
    assert len(found.log) <= 20
    assert 0.93 * drop_db <= found.best.drop_db <= drop_db
    assert found.best.size_bytes <= 1.03 * smallest_file(surface, drop_db)


def test_a_surface_that_is_anything_but_monotone_is_survived() -> None:
    surface = ROUGH[1]
    found = find_setting(surface.distortion, surface.size, MaxDrop(1.0))
    assert found.best.drop_db <= 1.0
    assert found.best.size_bytes <= 1.06 * smallest_file(surface, 1.0)


@pytest.mark.parametrize("size", [3_000_000, 1_200_000])
@pytest.mark.parametrize("surface", SMOOTH[::2], ids=by_name)
def test_a_size_target_gets_nearly_the_smallest_drop(surface: Surface, size: int) -> None:
    found = find_setting(surface.distortion, surface.size, MaxBytes(size))
    met = surface.sizes(GRID[:, 0], GRID[:, 1]) <= size
    smallest = float(surface.drops(GRID[:, 0], GRID[:, 1])[met].min())
    assert found.best.size_bytes <= size
    assert found.best.drop_db <= smallest + max(0.03, 0.01 * smallest)


def test_a_ratio_is_a_size() -> None:
    assert ratio_target(69_360_000, 20) == MaxBytes(3_468_000)


def test_the_same_search_twice_is_the_same_search() -> None:
    runs = [find_setting(ROUGH[0].distortion, ROUGH[0].size, MaxDrop(0.5)).log for _ in range(2)]
    first, second = (
        [(e.number, e.setting, e.size_bytes, e.drop_db, e.stage, e.accepted) for e in log]
        for log in runs
    )
    assert first == second


def test_every_setting_is_built_once_and_logged_in_order() -> None:
    built: list[Setting] = []
    heard: list[Evaluation] = []

    def size(setting: Setting) -> int:
        built.append(setting)
        return SMOOTH[0].size(setting)

    found = find_setting(SMOOTH[0].distortion, size, MaxDrop(1.0), on_evaluation=heard.append)
    assert [e.setting for e in found.log] == built
    assert len(set(built)) == len(built)
    assert tuple(heard) == found.log
    assert [e.number for e in found.log] == list(range(1, len(built) + 1))
    assert all(e.seconds >= 0 for e in found.log)
    assert found.best in found.log
    assert found.stopped


@pytest.mark.parametrize("count", [1, 2, 6, 9])
def test_the_budget_of_evaluations_holds(count: int) -> None:
    found = find_setting(
        SMOOTH[1].distortion,
        SMOOTH[1].size,
        MaxDrop(0.3),
        budget=Budget(max_evaluations=count),
        best_effort=True,
    )
    assert len(found.log) == count
    assert found.stopped == f"the limit of {count} evaluations is reached"


def test_no_evaluation_starts_that_the_time_budget_cannot_hold() -> None:
    found = find_setting(
        SMOOTH[1].distortion,
        SMOOTH[1].size,
        MaxDrop(1.0),
        budget=Budget(seconds=0.0),
        best_effort=True,
    )
    assert len(found.log) == 1
    assert found.stopped.startswith("the time budget of")


def test_an_unreachable_target_carries_the_nearest_setting() -> None:
    with pytest.raises(TargetUnreachableError) as caught:
        find_setting(lambda s: 2.0 + s.pruning_rate, SMOOTH[0].size, MaxDrop(1.0))
    assert isinstance(caught.value, SearchError)
    assert caught.value.exit_code == 4
    assert caught.value.result.best.setting == Setting(0.0, 0.0)
    assert "2.000 dB" in str(caught.value)


def test_best_effort_returns_the_nearest_setting_and_says_so() -> None:
    found = find_setting(
        lambda s: 2.0 + s.pruning_rate, SMOOTH[0].size, MaxDrop(1.0), best_effort=True
    )
    assert not found.reached
    assert found.best.setting == Setting(0.0, 0.0)


def test_a_size_out_of_reach_is_an_error_too() -> None:
    with pytest.raises(TargetUnreachableError) as caught:
        find_setting(SMOOTH[0].distortion, SMOOTH[0].size, MaxBytes(10))
    assert caught.value.result.best.setting.pruning_rate == pytest.approx(0.95)


def test_a_drop_that_is_not_a_number_ends_the_search() -> None:
    with pytest.raises(FlexgsError, match="failed"):
        find_setting(lambda s: math.nan, SMOOTH[0].size, MaxDrop(1.0))


@pytest.mark.parametrize("drop", [math.inf, 1e9])
def test_an_infinite_drop_is_only_a_miss(drop: float) -> None:
    found = find_setting(
        lambda s: drop if s.pruning_rate > 0.5 else 0.1 + s.pruning_rate,
        SMOOTH[0].size,
        MaxDrop(0.5),
    )
    assert found.best.drop_db <= 0.5


def test_negative_drops_are_welcome() -> None:
    found = find_setting(lambda s: s.pruning_rate**4 - 0.3, SMOOTH[0].size, MaxDrop(0.1))
    assert 0.09 <= found.best.drop_db <= 0.1


def test_a_fixed_axis_stays_fixed() -> None:
    found = find_setting(
        SMOOTH[0].distortion, SMOOTH[0].size, MaxDrop(1.0), space=Space.fixing(None, 0.123)
    )
    assert {e.setting.sh_rate for e in found.log} == {0.123}
    assert 0.9 <= found.best.drop_db <= 1.0


def test_a_space_of_one_setting_needs_one_evaluation() -> None:
    found = find_setting(
        SMOOTH[0].distortion, SMOOTH[0].size, MaxDrop(9.0), space=Space.fixing(0.5, 0.5)
    )
    assert [e.setting for e in found.log] == [Setting(0.5, 0.5)]
    assert found.stopped == "every setting was tried"


def test_senseless_targets_and_budgets_are_refused() -> None:
    for wrong in (
        lambda: MaxDrop(0.0),
        lambda: MaxDrop(math.nan),
        lambda: MaxBytes(0),
        lambda: Budget(0),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_moves_stop_at_the_borders_of_the_lattice() -> None:
    space = Space()
    assert space.moved(Setting(0.0, 1.0), -5, 5) == Setting(0.0, 1.0)
    assert space.nearest(Setting(0.5049, 0.0)) == Setting(0.505, 0.0)
    assert np.array_equal(GRID[0], [0.0, 0.0])
    assert len(GRID) == 191 * 201


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (MaxDrop(0.5), ("a drop of at most 0.5 dB", "even the gentlest setting")),
        (MaxBytes(10), ("at most 10 bytes", "even the strongest setting")),
    ],
)
def test_the_message_says_what_was_asked_for(
    target: MaxDrop | MaxBytes, words: tuple[str, ...]
) -> None:
    with pytest.raises(TargetUnreachableError) as caught:
        find_setting(lambda s: 2.0 + s.pruning_rate, SMOOTH[0].size, target)
    assert all(word in str(caught.value) for word in words)
    assert "Max" not in str(caught.value)

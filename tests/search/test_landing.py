# SPDX-License-Identifier: Apache-2.0
"""One strength against one target: where it lands, in how many evaluations, when it gives up."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from flexgs.errors import SearchError
from flexgs.search import (
    MaxBytes,
    MaxDrop,
    Measured,
    SearchResult,
    Setting,
    Target,
    TargetUnreachableError,
    find_strength,
)

Curve = Callable[[float], float]
ENOUGH = 4


def db(error: float) -> float:
    return 10 * math.log10(1 + error)


def measure(drop: Curve, size: Curve) -> Callable[[float], Measured]:
    def found(strength: float) -> Measured:
        return Measured(Setting(0.5, 0.5), round(size(strength)), drop(strength), 0.0)

    return found


def size(strength: float) -> float:
    return 2e5 * strength**-0.3


def find(
    drop: Curve, target: Target, first: float, floor_db: float = 0.0, most: int = 20
) -> SearchResult:
    return find_strength(measure(drop, size), target, first, floor_db, most, enough=ENOUGH)


DROPS: dict[str, tuple[float, Curve]] = {  # floor in dB, drop by strength
    "power 0.8": (0.0, lambda s: db(0.2 * s**0.8)),
    "power 0.5": (0.0, lambda s: db(0.2 * s**0.5)),
    "power 1.2": (0.0, lambda s: db(0.2 * s**1.2)),
    "with a floor": (0.1, lambda s: db(10**0.01 - 1 + 0.1 * s**0.7)),
    "bent": (0.0, lambda s: db(0.1 * s**0.6 + 0.05 * s**1.3)),
    "noise": (0.0, lambda s: db(0.2 * s**0.8 * (1 + 0.02 * math.sin(40 * math.log(s))))),
}


@pytest.mark.parametrize("first", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("target", [0.3, 1.0])
@pytest.mark.parametrize("name", DROPS)
def test_a_drop_is_met_and_nearly_used_up(name: str, target: float, first: float) -> None:
    floor, drop = DROPS[name]
    result = find(drop, MaxDrop(target), first, floor)
    assert result.reached
    assert len(result.log) <= ENOUGH + 1
    assert 0.9 * target <= result.best.drop_db <= target
    assert result.best.drop_db == drop(result.best.strength)
    assert result.best.size_bytes == min(e.size_bytes for e in result.log if e.accepted)


@pytest.mark.parametrize("first", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("limit", [50_000, 1_000_000])
def test_a_size_is_met_and_nearly_used_up(limit: int, first: float) -> None:
    result = find(DROPS["power 0.8"][1], MaxBytes(limit), first)
    assert result.reached
    assert 0.97 * limit <= result.best.size_bytes <= limit
    assert len(result.log) <= 3 * ENOUGH


def test_a_start_far_off_is_made_up_for_before_giving_up() -> None:
    result = find(DROPS["power 0.8"][1], MaxDrop(0.3), 1e6)
    assert result.reached
    assert len(result.log) > ENOUGH
    assert [e.accepted for e in result.log].count(True) == 1  # it ends as soon as the target is met


def test_no_strength_is_tried_twice_where_the_drop_does_not_follow() -> None:
    """Weaker steps look worse at first, as with too few views."""

    def drop(strength: float) -> float:
        return 1.5 - 0.4 * math.sin(math.log(strength) / 1.4) if strength > 0.02 else 0.97

    result = find(drop, MaxDrop(1.0), 1.0)
    strengths = [e.strength for e in result.log]
    assert len(set(strengths)) == len(strengths)
    assert result.reached


def test_a_target_below_the_floor_ends_soon() -> None:
    calls = []

    def drop(strength: float) -> float:
        calls.append(strength)
        return 2.0 + 1e-3 * strength

    with pytest.raises(TargetUnreachableError) as caught:
        find(drop, MaxDrop(1.0), 1.0, floor_db=2.0)
    assert len(calls) == ENOUGH + 1
    assert caught.value.result.best.drop_db < 2.0 + 1e-3 * calls[0]
    assert "nothing nearer" in caught.value.result.stopped


def test_best_effort_takes_the_nearest() -> None:
    result = find_strength(
        measure(lambda s: 2.0 + s, size), MaxDrop(1.0), 1.0, 2.0, 3, best_effort=True
    )
    assert not result.reached
    assert len(result.log) == 3
    assert result.best.drop_db == min(e.drop_db for e in result.log)


@pytest.mark.parametrize("most", [1, 2, 6])
def test_evaluations_are_bounded(most: int) -> None:
    with pytest.raises(TargetUnreachableError, match=f"limit of {most}") as caught:
        find(DROPS["power 0.8"][1], MaxDrop(1e-3), 1e9, most=most)
    assert len(caught.value.result.log) == most


def test_time_is_bounded() -> None:
    result = find_strength(
        measure(lambda s: s, size), MaxDrop(1.0), 0.1, 0.0, 20, seconds=0.0, best_effort=True
    )
    assert len(result.log) == 1
    assert "time budget" in result.stopped


def test_there_must_be_something_to_evaluate() -> None:
    with pytest.raises(SearchError, match="needs evaluations"):
        find(DROPS["power 0.8"][1], MaxDrop(1.0), 1.0, most=0)


def test_every_evaluation_is_reported_once() -> None:
    seen = []
    result = find_strength(
        measure(lambda s: db(0.3 * s), size),
        MaxDrop(1.0),
        9.0,
        0.0,
        20,
        enough=ENOUGH,
        on_evaluation=seen.append,
    )
    assert tuple(seen) == result.log
    assert [e.number for e in seen] == list(range(1, len(seen) + 1))
    assert all(e.stage == "land" and e.strength > 0 for e in seen)


def test_the_same_search_twice_is_the_same_search() -> None:
    runs = [find(DROPS["noise"][1], MaxDrop(1.0), 20.0) for _ in range(2)]
    assert [e.strength for e in runs[0].log] == [e.strength for e in runs[1].log]

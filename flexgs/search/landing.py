# SPDX-License-Identifier: Apache-2.0
"""One strength for everything: where on that line the target lies, in a handful of evaluations.

The squared error that quantisation adds, and the bytes, are close to powers of the strength. So
each measurement is a point on a line in logarithms, and the next proposal is where the line through
the last two meets the target.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from flexgs.errors import SearchError
from flexgs.search.result import Evaluation, SearchResult, TargetUnreachableError
from flexgs.search.setting import Setting
from flexgs.search.target import MaxDrop, Target, cost, load

DROP_SLOPE, BYTES_SLOPE = 0.8, -0.35  # usual powers of the strength, before two points are known
SLOPES_WITHIN = 3.0  # a fitted slope is at most so many times the usual one, or as much less
LONGEST_STEP = math.log(8.0)  # between two strengths
SAME = math.log(1.002)  # strengths this near give the same file, or nearly
# Share of the target that must be used, and dB that may be left, before so many evaluations are
# enough.
NEAR, NEAR_DB = 0.75, 0.05
# Each further one must come so much nearer, in logarithms of that share, or this near.
HOPE, AT_HAND = 0.02, 0.1
# Proposals aim short of the target by the first share of it, and landings count from the second.
AIM_DB, LANDED_DB = 0.012, 0.03
AIM, LANDED = 0.05, 0.1  # shares of small targets, where the above would be too much
AIM_BYTES, LANDED_BYTES = 0.004, 0.015


@dataclass(frozen=True)
class Measured:
    """What one strength gives."""

    setting: Setting
    size_bytes: int
    drop_db: float
    predicted_db: float | None = None  # from views that the target is not measured on


def find_strength(
    measure: Callable[[float], Measured],
    target: Target,
    first: float,
    floor_db: float,  # the drop at no strength at all, measured
    max_evaluations: int,
    *,
    enough: int | None = None,  # so many, once one lands fairly near; None: max_evaluations
    seconds: float | None = None,  # no evaluation starts after so many; the first one always does
    best_effort: bool = False,
    on_evaluation: Callable[[Evaluation], None] | None = None,
) -> SearchResult:
    """The strongest evaluated strength that meets `target`. Deterministic.

    Raises:
        TargetUnreachableError: none does, unless `best_effort`.
        SearchError: there is nothing to evaluate.

    >>> result = find_strength(
    ...     lambda s: Measured(Setting(0, 0), round(1000 / s), s**0.7, 0), MaxDrop(1.0), 9.0, 0.0, 5
    ... )
    >>> 0.95 <= result.best.drop_db <= 1.0, len(result.log) <= 4
    (True, True)
    """
    if max_evaluations < 1:
        raise SearchError("a search needs evaluations", expected=">= 1", found=max_evaluations)
    log: list[Evaluation] = []
    strength, stopped, started = first, None, time.perf_counter()
    while stopped is None:
        evaluation = _evaluate(measure, strength, target, len(log) + 1)
        log.append(evaluation)
        if on_evaluation is not None:
            on_evaluation(evaluation)
        if _landed(evaluation, target):
            stopped = "landed on the target"
        elif seconds is not None and time.perf_counter() - started >= seconds:
            stopped = f"the time budget of {seconds:g} s is spent"
        else:
            stopped = _reason_to_stop(log, target, max_evaluations, enough or max_evaluations)
            strength = _new_strength(log, _propose(log, target, floor_db), target)
    met = [e for e in log if e.accepted]
    if met:
        best = min(met, key=lambda e: cost(target, e.size_bytes, e.drop_db))
    else:
        best = min(log, key=lambda e: load(target, e.size_bytes, e.drop_db))
    result = SearchResult(best, tuple(log), target, stopped)
    if not result.reached and not best_effort:
        raise TargetUnreachableError(result)
    return result


def _evaluate(
    measure: Callable[[float], Measured], strength: float, target: Target, number: int
) -> Evaluation:
    started = time.perf_counter()
    found = measure(strength)
    return Evaluation(
        number=number,
        setting=found.setting,
        size_bytes=found.size_bytes,
        drop_db=found.drop_db,
        seconds=time.perf_counter() - started,
        stage="land",
        accepted=load(target, found.size_bytes, found.drop_db) <= 1.0,
        strength=strength,
        predicted_db=found.predicted_db,
    )


def _landed(evaluation: Evaluation, target: Target) -> bool:
    if not evaluation.accepted:
        return False
    if isinstance(target, MaxDrop):
        return evaluation.drop_db >= target.db - min(LANDED_DB, LANDED * target.db)
    return evaluation.size_bytes >= (1 - LANDED_BYTES) * target.size


def _reason_to_stop(log: list[Evaluation], target: Target, most: int, enough: int) -> str | None:
    """Why there is no further evaluation, if so."""
    if len(log) >= most:
        return f"the limit of {most} evaluations is reached"
    if len(log) < enough:
        return None
    loads = [load(target, e.size_bytes, e.drop_db) for e in log]
    if any(_near(e, share, target) for e, share in zip(log, loads, strict=True)):
        return f"{enough} evaluations are enough"
    away = [abs(math.log(max(share, 1e-9))) for share in loads]
    hopeless = len(away) > enough and away[-1] > max(AT_HAND, min(away[:-1]) - HOPE)
    return "going further brings nothing nearer" if hopeless else None


def _near(evaluation: Evaluation, share: float, target: Target) -> bool:
    """Whether it is good enough to end with: it uses up most of the target, and lies near it."""
    away = target.db - evaluation.drop_db if isinstance(target, MaxDrop) else 0.0
    return NEAR <= share <= 1.0 and away <= NEAR_DB


def _new_strength(log: list[Evaluation], proposed: float, target: Target) -> float:
    """`proposed`, or another strength where that has been tried.

    Then between the one that meets the target and the next one that does not, or beyond all.
    """
    wish, tried = math.log(proposed), [math.log(e.strength) for e in log]
    if all(abs(wish - x) > SAME for x in tried):
        return proposed
    away = -1 if isinstance(target, MaxDrop) else 1  # the direction in which targets are met
    met = [away * x for x, e in zip(tried, log, strict=True) if e.accepted]
    missed = [away * x for x, e in zip(tried, log, strict=True) if not e.accepted]
    if not met:
        return math.exp(away * (max(missed) + LONGEST_STEP))
    weaker = [x for x in missed if x < min(met)]
    start = max(weaker) if weaker else min(met) - LONGEST_STEP / 2
    return math.exp(away * (start + min(met)) / 2)


def _propose(log: list[Evaluation], target: Target, floor_db: float) -> float:
    """Where the line through the nearest point and the one across (or next to it) meets the aim."""
    if isinstance(target, MaxDrop):
        usual = DROP_SLOPE
        aim = _added(target.db - min(AIM_DB, AIM * target.db), floor_db)
        points = [(math.log(e.strength), _added(e.drop_db, floor_db)) for e in log]
    else:
        usual = BYTES_SLOPE
        aim = math.log((1 - AIM_BYTES) * target.size)
        points = [(math.log(e.strength), math.log(e.size_bytes)) for e in log]
    points.sort(key=lambda p: abs(p[1] - aim))
    x, y = points[0]
    slope = usual
    if len(points) > 1 and points[1][0] != x:
        slope = (points[1][1] - y) / (points[1][0] - x)
        low, high = sorted((usual / SLOPES_WITHIN, usual * SLOPES_WITHIN))
        slope = min(max(slope, low), high)
    step = (aim - y) / slope
    return math.exp(x + min(max(step, -LONGEST_STEP), LONGEST_STEP))


def _added(drop_db: float, floor_db: float) -> float:
    """Logarithm of the relative squared error on top of the floor's."""
    extra = 10 ** (drop_db / 10) - 10 ** (floor_db / 10)
    return math.log(max(extra, 1e-6))

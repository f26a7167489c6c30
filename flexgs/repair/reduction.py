# SPDX-License-Identifier: Apache-2.0
"""Rounds of scoring, repair and removal, as far as the target lets them go.

Every pass over the views scores all Gaussians and, on the way, repairs what the last removal broke.
Then as many Gaussians go, least important first, as a few monitor views allow. Early removals may
overdraw the limit: later passes win it back. Removal errors of overlapping Gaussians do not add
up, so no round removes more than a share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.importance.sums import TargetOf, sum_over_views
from flexgs.progress import Progress
from flexgs.render import Renderer
from flexgs.repair.free import FreeSplats
from flexgs.repair.passes import repair_pass
from flexgs.repair.steps import Rates

DropOf = Callable[[Splats], float]  # dB on the monitor views
Order = npt.NDArray[np.int64]

MIN_KEPT = 0.6  # share of the Gaussians that a round leaves at least
OVERDRAFT = 1.0  # the limit of the first round is so many times higher, falling to none
# The last passes move less: steps of full length jitter about the optimum. Bonsai, 43,000 Gaussians
# after four full passes, drop on the search views after one more at a factor of 1 / 0.5 / 0.3 /
# 0.15: 0.612 / 0.525 / 0.511 / 0.519 dB; after 0.5, then 0.15: 0.480 dB. Falling from the first
# pass on is worse (0.743 dB on the monitor views after four, 0.679 at full length).
LAST_FACTORS = (0.4, 0.15)
# A Gaussian that no view of a round sees scores zero and goes first: bonsai by 30 of 91 invented
# views lost 0.5 dB with its first 5 %. So a round has ENOUGH_VIEWS, and scores of earlier rounds
# fade slowly.
ENOUGH_VIEWS = 50
BISECTIONS = 6


@dataclass(frozen=True)
class Schedule:
    """How much work the reduction may do."""

    rounds: int  # passes followed by a removal
    settling: int  # passes after the last removal
    share: float  # of the views, in the passes that are followed by a removal
    repair: bool = True

    @property
    def passes(self) -> float:
        """Passes over all views that this costs, where there are many views."""
        return self.rounds * self.share + self.settling


@dataclass(frozen=True)
class Round:
    """What one round did, for reports."""

    gaussians: int  # after it
    drop_db: float  # on the monitor views, before the removal


def reduce_splats(
    free: FreeSplats,
    views: Sequence[Camera],
    renderer: Renderer,
    target_of: TargetOf,
    drop_of: DropOf,
    limit_db: float,
    fewest: int,  # Gaussians that stay in any case
    schedule: Schedule,
    rates: Rates,
    progress: Progress,
) -> list[Round]:
    """Leaves in `free` what the limit needs, repaired. Deterministic."""
    log = []
    rounds = range(schedule.rounds)
    total = sum(len(share_of(views, schedule.share, number)) for number in rounds)
    total += schedule.settling * len(views)
    with progress.stage("prune and repair", total=total) as advance:
        for number in rounds:
            left = 1 - (number + 1) / schedule.rounds
            limit = limit_db * (1 + (OVERDRAFT * left if schedule.repair else 0.0))
            floor = least_kept(free.n, fewest, schedule.rounds - number)
            some = share_of(views, schedule.share, number)
            if schedule.repair:
                removal = repair_pass(free, some, renderer, target_of, rates, number, advance)
            else:
                removal = sum_over_views(free.splats(), some, renderer, "removal", None, advance)
            free.remember(removal)
            log.append(remove_least(free, drop_of, limit, floor))
        if schedule.repair:
            for number in range(schedule.settling):
                seed = schedule.rounds + number
                shorter = rates.scaled(settling_factor(number, schedule.settling))
                repair_pass(free, views, renderer, target_of, shorter, seed, advance)
                log.append(Round(free.n, drop_of(free.splats())))
    return log


def settling_factor(number: int, settling: int) -> float:
    """Of the rates, in one of the passes after the last removal.

    >>> [settling_factor(number, 4) for number in range(4)]
    [1.0, 1.0, 0.4, 0.15]
    """
    left = settling - number
    return LAST_FACTORS[-left] if left <= len(LAST_FACTORS) else 1.0


def remove_least(free: FreeSplats, drop_of: DropOf, limit_db: float, least_kept: int) -> Round:
    """Lets the Gaussians of the lowest scores go, as many as the limit allows."""
    drop = drop_of(free.splats())
    order = np.argsort(free.scores, kind="stable")
    count = _removable(free, order, drop_of, limit_db, least_kept)
    free.keep(np.sort(order[count:]))
    return Round(free.n, drop)


def share_of(views: Sequence[Camera], share: float, number: int) -> Sequence[Camera]:
    """Every so many views, others every round; at least ENOUGH_VIEWS where there are as many.

    >>> len(share_of(range(200), 0.25, 1)), len(share_of(range(90), 0.25, 3))
    (50, 90)
    """
    stride = max(1, min(round(1 / share), len(views) // ENOUGH_VIEWS))
    return views[number % stride :: stride]


def least_kept(n: int, fewest: int, rounds: int) -> int:
    """How many a round leaves at least, when `rounds` of them are to come (this one too).

    >>> least_kept(1000, 10, 1), least_kept(1000, 10, 9), least_kept(1000, 810, 2)
    (10, 600, 900)
    """
    even = n * math.pow(fewest / max(n, 1), 1 / rounds)
    return max(fewest, round(even if rounds == 1 else max(even, MIN_KEPT * n)))


def _removable(
    free: FreeSplats, order: Order, drop_of: DropOf, limit_db: float, least_kept: int
) -> int:
    """How many of the first of `order` can go before the drop exceeds the limit."""
    splats = free.splats()

    def allowed(count: int) -> bool:
        return drop_of(splats.select(np.sort(order[count:]))) <= limit_db

    return largest_allowed(allowed, free.n - least_kept)


def largest_allowed(allowed: Callable[[int], bool], most: int) -> int:
    """About the largest count, of `most` at most, that is allowed: by bisection.

    >>> largest_allowed(lambda count: count <= 30, 64), largest_allowed(lambda count: True, -3)
    (30, 0)
    """
    low, high = 0, most
    if high <= 0 or allowed(high):
        return max(high, 0)
    for _ in range(BISECTIONS):
        middle = (low + high) // 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low

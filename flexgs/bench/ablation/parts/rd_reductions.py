# SPDX-License-Identifier: Apache-2.0
"""Parts of pruning and repair that the ablation switches off: each needs a reduction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from flexgs.bench.ablation.parts.replaced import replaced
from flexgs.core import Camera
from flexgs.importance.sums import F64, TargetOf
from flexgs.pipeline.job import Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.effort import Effort
from flexgs.pipeline.rd.reduced import TOO_NEAR, Reduced, reduce_within
from flexgs.progress import Advance
from flexgs.render import Renderer
from flexgs.repair import FreeSplats, Rates, repair_pass
from flexgs.repair import reduction as rounds
from flexgs.repair.reduction import Schedule
from flexgs.search import MaxDrop

Found = tuple[Reduced, float, Effort]  # and the floor, and what is left to do by
Reduction = Callable[[Job, MaxDrop, DropMeter, Effort, int], Found]
TRIES, MORE = 3, 1.25


def without_repair(job: Job, target: MaxDrop, meter: DropMeter, effort: Effort, _: int) -> Found:
    """As `--repair 0` does."""
    schedule = replace(effort.schedule, settling=0, repair=False)
    none = replace(effort, schedule=schedule, colour_passes=0.0, polish=0)
    return *reduce_within(job, target, none, meter), none


def one_round(job: Job, target: MaxDrop, meter: DropMeter, effort: Effort, kept: int) -> Found:
    """All removed at once, as many as in rounds (fewer where too much is lost); as many passes."""
    passes = max(2, round(effort.schedule.passes))
    schedule = Schedule(rounds=1, settling=passes - 1, share=1.0)
    once = replace(effort, schedule=schedule)
    for _ in range(TRIES):
        options = replace(job.options, pruning_rate=max(0.0, 1 - kept / job.splats.n))
        reduced, floor = reduce_within(replace(job, options=options), target, once, meter)
        if floor <= TOO_NEAR * target.db:
            break
        kept = round(MORE * kept)
    return reduced, floor, effort


def by_blend_weight(job: Job, target: MaxDrop, meter: DropMeter, effort: Effort, _: int) -> Found:
    """Removed is what has the smallest sum of alpha T."""

    def weighing_pass(
        free: FreeSplats,
        views: Sequence[Camera],
        renderer: Renderer,
        target_of: TargetOf,
        rates: Rates,
        seed: int,
        advance: Advance,
    ) -> F64:
        repair_pass(free, views, renderer, target_of, rates, seed, advance)
        blend = np.zeros(free.n)
        for view in views:
            blend += renderer.contributions(free.splats(), view).blend
        return blend

    with replaced((rounds, "repair_pass", weighing_pass)):
        return *reduce_within(job, target, effort, meter), effort


def constant_rates(job: Job, target: MaxDrop, meter: DropMeter, effort: Effort, _: int) -> Found:
    """The last passes move as far as all others."""
    with replaced((rounds, "settling_factor", lambda number, settling: 1.0)):
        return *reduce_within(job, target, effort, meter), effort


REDUCTIONS: dict[str, tuple[str, Reduction]] = {
    "repair": ("repair (--repair 0)", without_repair),
    "rounds": ("rounds of removal -> one, as many passes", one_round),
    "score": ("removal error -> sum of blending weights", by_blend_weight),
    "settling": ("falling rates of the last passes", constant_rates),
}

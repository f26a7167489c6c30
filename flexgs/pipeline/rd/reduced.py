# SPDX-License-Identifier: Apache-2.0
"""The first half of the work: which Gaussians stay, and how they look once repaired."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.pipeline.job import Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.effort import Effort
from flexgs.pipeline.views import MAX_SCORING_VIEWS, thin_views
from flexgs.repair import FreeSplats, Rates
from flexgs.repair.passes import BATCH
from flexgs.repair.reduction import Round, reduce_splats
from flexgs.search import MaxDrop, Target

F32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.integer]

MONITOR_EVERY, MONITOR_FIRST = 16, 5  # of the scoring views, for the monitor
LEAST_FOR_MONITOR = 24  # fewer views than this monitor themselves
# How far removal may go, in parts of the target's drop: the last passes of repair win some of it
# back, but less where the search's own views watch. Bonsai by photographs: 30,216 Gaussians at 1.5,
# of 64 bits each; 42,792 at 1.0 with shorter steps. Renders leave less to win back.
LIMIT_REPAIRED, LIMIT_INVENTED, LIMIT_UNREPAIRED = 1.0, 0.85, 0.6
LIMIT_MORE = 0.15  # by photographs, where steps are as long as can be
# What long steps of repair err by grows with their square, and the last, short passes take it
# back. Bonsai at 43,000 Gaussians, true drop after four passes: 0.66 / 0.36 / 0.29 / 0.27 dB at
# 1 / 2 / 3 / 4.5 times the rates; 0.1 / 0.3 / 0.5 / 1.1 dB of the drop before them are such errors.
# What a target has room for grows with it: the factor is LONGEST_STEPS times the root of its dB,
# where there are ENOUGH_STEPS to settle in.
LONGEST_STEPS = 3.0
ENOUGH_STEPS = 400
LEAST_REACH = 0.1
LEAST_STEPS = 1.0  # by photographs, from which the original is away in any case
TYPICAL_DROP_DB = 0.25  # assumed for targets of size
BITS_A_GAUSSIAN = 55.0  # about what one takes; for targets of size
FEWEST = 64
TRIES = 3
TOO_NEAR = 0.85  # share of the target that removal alone may use up
# What it should use up. Bonsai by renders: half the error costs 67 % more Gaussians, or 13 % more
# bits for each, so that about four fifths of the error are removal's.
AIM = 0.75
SPARE = 0.3  # of the original's squared error, for targets of size
GENTLER = 0.5  # least factor of the limit for the next try


@dataclass(frozen=True, eq=False)
class Reduced:
    """What is left of a scene, and the views that judge it."""

    splats: Splats
    rows: Rows  # of the same Gaussians in the original
    views: tuple[Camera, ...]  # that repair may look at
    target_of: Callable[[Camera], F32]
    rates: Rates  # of repair
    monitor: DropMeter
    log: tuple[Round, ...]


def split_monitor(views: Sequence[Camera]) -> tuple[tuple[Camera, ...], tuple[Camera, ...]]:
    """Views to repair by, and views that only watch (the same ones where there are few)."""
    views = thin_views(views, MAX_SCORING_VIEWS)
    if len(views) < LEAST_FOR_MONITOR:
        return views, views
    watching = views[MONITOR_FIRST::MONITOR_EVERY]
    return tuple(view for view in views if view not in watching), watching


def render_reader(job: Job) -> Callable[[Camera], F32]:
    """What the original looks like: its photographs, else its own renders, kept as half floats."""
    if job.photograph is not None:
        return job.photograph
    if job.renders is not None:
        return job.renders
    kept: dict[str, npt.NDArray[np.float16]] = {}

    def read(camera: Camera) -> F32:
        if camera.name not in kept:
            kept[camera.name] = job.renderer.render(job.splats, camera).astype(np.float16)
        return kept[camera.name].astype(np.float32)

    return read


def make_meter(job: Job, cameras: Sequence[Camera]) -> DropMeter:
    """The drop of what a job works on, on some views."""
    reference = job.views.reference_psnr(job.options.reference_psnr)
    return DropMeter(
        job.splats,
        cameras,
        job.renderer,
        job.photograph,
        reference,
        share=job.share,
        renders=job.renders,
    )


def step_reach(views: int, settling: int) -> float:
    """How near steps may come to the longest, by what is left to settle in.

    >>> step_reach(206, 6), round(step_reach(206, 1), 2), step_reach(15, 0)
    (1.0, 0.51, 0.1)
    """
    return max(LEAST_REACH, min(1.0, math.sqrt(settling * views / BATCH / ENOUGH_STEPS)))


def removal_limit(job: Job, target: MaxDrop, repair: bool, reach: float) -> float:
    """The drop, in dB, up to which a round may remove."""
    if not repair:
        return LIMIT_UNREPAIRED * target.db
    usual = LIMIT_INVENTED if job.views.invented else LIMIT_REPAIRED
    more = 0.0 if job.photograph is None else LIMIT_MORE * reach**2
    return (usual + more) * target.db


def repair_rates(job: Job, target: Target, reach: float) -> Rates:
    """How long the steps of repair are."""
    drop = target.db if isinstance(target, MaxDrop) else TYPICAL_DROP_DB
    factor = reach * LONGEST_STEPS * math.sqrt(min(drop, 1.0))
    return Rates().scaled(factor if job.photograph is None else max(factor, LEAST_STEPS))


def reduce_within(
    job: Job,
    target: Target,
    effort: Effort,
    drop_of: Callable[[Splats], float],  # dB on the search's views
    start: Splats | None = None,  # what to reduce; None: the original
    bits: float = BITS_A_GAUSSIAN,  # about what each will take
    factor: float = 1.0,  # of the target: how far removal may go
) -> tuple[Reduced, float]:
    """What is left, and its drop; more is left where too much has gone."""
    start = job.splats if start is None else start
    for _ in range(TRIES):
        reduced = _reduce(job, target, effort, start, bits, factor)
        floor = drop_of(reduced.splats)
        if job.options.pruning_rate is not None or not isinstance(target, MaxDrop):
            return reduced, floor
        if floor <= TOO_NEAR * target.db:
            return reduced, floor
        factor *= max(GENTLER, AIM * target.db / floor)
    if isinstance(target, MaxDrop) and floor > target.db:  # no removal leaves room
        rows = np.arange(start.n)
        return replace(reduced, splats=start, rows=rows, log=()), drop_of(start)
    return reduced, floor


def _reduce(
    job: Job, target: Target, effort: Effort, start: Splats, bits: float, factor: float
) -> Reduced:
    """Prunes and repairs as far as `factor` times the target lets it."""
    views, watching = split_monitor(job.views.split.scoring)
    if job.views.invented:  # all that are scored are needed: some see what no other does
        views, watching = job.views.split.scoring, job.views.split.search
    target_of = render_reader(job)
    reach = step_reach(len(views), effort.schedule.settling)
    rates = repair_rates(job, target, reach)
    free = FreeSplats(start)
    with job.clock.stage("prune and repair"):
        monitor = make_meter(job, watching)
        fewest, limit = FEWEST, np.inf
        if job.options.pruning_rate is not None:
            fewest = round((1 - job.options.pruning_rate) * start.n)
        elif isinstance(target, MaxDrop):
            limit = factor * removal_limit(job, target, effort.schedule.repair, reach)
        else:
            fewest = int(8 * target.size / bits)
        log = reduce_splats(
            free,
            views,
            job.renderer,
            target_of,
            monitor,
            float(limit),
            max(fewest, min(FEWEST, start.n)),
            effort.schedule,
            rates,
            job.progress,
        )
    return Reduced(free.snapshot(), free.rows, views, target_of, rates, monitor, tuple(log))


def spare_error(
    reduced: Reduced, target: Target, floor_db: float, original_psnr: float | None = None
) -> float:
    """Squared error over `reduced.views` that the target leaves on top of a drop of `floor_db`.

    Args:
        original_psnr: what the target's drop is from, in dB; None: the one that estimates assume.
    """
    psnr = reduced.monitor.reference_psnr if original_psnr is None else original_psnr
    return spare_in(reduced.views, psnr, target, floor_db)


def spare_in(views: Sequence[Camera], psnr: float, target: Target, floor_db: float) -> float:
    """`spare_error` over some views of which the original has such a PSNR."""
    values = sum(3 * view.width * view.height for view in views)
    error = 10 ** (-psnr / 10) * values
    spare = SPARE
    if isinstance(target, MaxDrop):
        spare = max(10 ** (target.db / 10) - 10 ** (floor_db / 10), 0.1 * target.db / 4.34)
    return spare * error

# SPDX-License-Identifier: Apache-2.0
"""The `segment` profile with each of its parts switched off alone."""

from __future__ import annotations

from dataclasses import dataclass

from flexgs.bench.ablation.line import File
from flexgs.bench.ablation.parts.replaced import replaced
from flexgs.bench.ablation.parts.segment_parts import SegmentPart
from flexgs.codec import decode_splats
from flexgs.pipeline.job import Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.segment.candidates import Candidates, Ranking
from flexgs.pipeline.segment.ranking import plan_rounds, rank
from flexgs.pipeline.segment.search import segment_plan
from flexgs.quant import SegmentPlan
from flexgs.search import Budget, MaxDrop, Setting, Space, find_setting

FURTHER = 0.03  # of the Gaussians: pruned more for a second file with everything on


@dataclass(frozen=True, eq=False)
class Row:
    """All files of one row, and the settings behind them."""

    gaussians: int
    files: tuple[File, ...]
    settings: tuple[Setting, ...]


@dataclass(frozen=True, eq=False)
class Whole:
    """Everything on: what all rows are compared with."""

    job: Job
    meter: DropMeter
    target: MaxDrop
    plan: SegmentPlan
    ranking: Ranking
    row: Row


def whole_row(job: Job, meter: DropMeter, target: MaxDrop) -> Whole:
    """Ranks, searches, and codes two settings."""
    ranking = _rank(job, target, job.options.score, True)
    plan = segment_plan(job.options)
    best = _search(job, meter, target, plan, ranking, None)
    further = Setting(min(0.95, best.pruning_rate + FURTHER), best.sh_rate)
    files = tuple(_code(job, meter, plan, ranking, each) for each in (best, further))
    row = Row(_left(job, best), files, (best, further))
    return Whole(job, meter, target, plan, ranking, row)


def part_row(whole: Whole, part: SegmentPart) -> Row:
    """A row with the part switched off."""
    job, meter, plan = whole.job, whole.meter, part.plan(whole.plan)
    ranking = whole.ranking
    with replaced(*part.replaced()):
        if part.ranking is not None:
            ranking = _rank(job, whole.target, *part.ranking)
        if part.ranking is not None or part.again:
            best = _search(job, meter, whole.target, plan, ranking, part.space)
            return Row(_left(job, best), (_code(job, meter, plan, ranking, best),), (best,))
        if part.lossless:
            files = tuple(
                File(file.drop_db, len(_encode(job, meter, plan, ranking, setting)))
                for file, setting in zip(whole.row.files, whole.row.settings, strict=True)
            )
        else:
            files = tuple(_code(job, meter, plan, ranking, s) for s in whole.row.settings)
    return Row(whole.row.gaussians, files, whole.row.settings)


def _rank(job: Job, target: MaxDrop, score: str, in_rounds: bool) -> Ranking:
    rounds = plan_rounds(score, target.db, None) if in_rounds else ()
    views = job.views.split.scoring
    return rank(job.splats, views, job.renderer, score, rounds, job.photograph, job.progress)


def _search(
    job: Job,
    meter: DropMeter,
    target: MaxDrop,
    plan: SegmentPlan,
    ranking: Ranking,
    space: Space | None,
) -> Setting:
    """The setting that the search ends with."""
    tried = Candidates(job.splats, ranking, plan, meter, job.facts)
    space = space or Space.fixing(None, None if job.splats.degree else 0.0)
    budget = Budget(job.options.max_evaluations)
    found = find_setting(
        tried.distortion, tried.size, target, space=space, budget=budget, best_effort=True
    )
    return found.best.setting


def _code(
    job: Job, meter: DropMeter, plan: SegmentPlan, ranking: Ranking, setting: Setting
) -> File:
    """The file of a setting, decoded and measured."""
    data = _encode(job, meter, plan, ranking, setting)
    return File(meter(decode_splats(data)), len(data))


def _encode(
    job: Job, meter: DropMeter, plan: SegmentPlan, ranking: Ranking, setting: Setting
) -> bytes:
    return Candidates(job.splats, ranking, plan, meter, job.facts).encode(setting, 0.0, "best")


def _left(job: Job, setting: Setting) -> int:
    return job.splats.n - round(setting.pruning_rate * job.splats.n)

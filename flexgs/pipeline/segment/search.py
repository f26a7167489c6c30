# SPDX-License-Identifier: Apache-2.0
"""Ranks all Gaussians, then finds the setting."""

from __future__ import annotations

from flexgs.options import CompressOptions
from flexgs.pipeline.job import Found, Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.segment.candidates import Candidates
from flexgs.pipeline.segment.ranking import plan_rounds, rank
from flexgs.quant import SegmentPlan
from flexgs.search import Budget, MaxDrop, Space, Target, find_setting
from flexgs.search.result import Evaluation


def segment_plan(options: CompressOptions) -> SegmentPlan:
    """The plan that the options ask for.

    Raises:
        UsageError: the plan's own checks.
    """
    plan = SegmentPlan(segments=options.segments, codec=options.codec, level=options.level)
    return plan.with_bits(options.bits)


def search_segment(job: Job, target: Target, meter: DropMeter) -> Found:
    """The smallest file that meets the target.

    Raises:
        TargetUnreachableError: see `find_setting`.
    """
    options, plan = job.options, segment_plan(job.options)
    limit = target.db if isinstance(target, MaxDrop) else None
    rounds = plan_rounds(options.score, limit, options.pruning_rate)
    with job.clock.stage("score"):
        ranking = rank(
            job.splats,
            job.views.split.scoring,
            job.renderer,
            options.score,
            rounds,
            job.photograph,
            job.progress,
        )
    candidates = Candidates(job.splats, ranking, plan, meter, job.facts)
    sh_rate = options.sh_rate if job.splats.degree else 0.0
    budget = Budget(options.max_evaluations, options.time_budget_s)
    total = 1 if options.fixed else budget.max_evaluations
    with job.clock.stage("search"), job.progress.stage("search", total=total) as tick:

        def on_evaluation(_: Evaluation) -> None:
            tick(1)

        result = find_setting(
            candidates.distortion,
            candidates.size,
            target,
            space=Space.fixing(options.pruning_rate, sh_rate),
            budget=budget,
            best_effort=options.best_effort or options.fixed,
            on_evaluation=on_evaluation,
        )
    with job.clock.stage("encode"), job.progress.stage("encode"):
        data = candidates.encode(result.best.setting, result.best.drop_db, "best")
    return Found(data, result, plan.to_dict())

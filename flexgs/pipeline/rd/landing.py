# SPDX-License-Identifier: Apache-2.0
"""The search for one strength, with the clock, the bounds and the progress of a job."""

from __future__ import annotations

from collections.abc import Callable

from flexgs.pipeline.job import Job
from flexgs.search import Evaluation, Measured, SearchResult, Target, find_strength


def land(
    job: Job,
    target: Target,
    measure: Callable[[float], Measured],
    first: float,
    floor_db: float,
    enough: int,  # evaluations, once one lands fairly near
    stage: str,
) -> SearchResult:
    """`find_strength` with what the job's options say.

    Raises:
        TargetUnreachableError: no strength meets it, unless `best_effort`.
    """
    enough = min(job.options.max_evaluations, enough)
    with job.clock.stage(stage), job.progress.stage(stage, total=enough) as tick:

        def on_evaluation(_: Evaluation) -> None:
            tick(1)

        return find_strength(
            measure,
            target,
            first,
            floor_db,
            job.options.max_evaluations,
            enough=enough,
            seconds=job.options.time_budget_s,
            best_effort=job.options.best_effort,
            on_evaluation=on_evaluation,
        )

# SPDX-License-Identifier: Apache-2.0
"""Runs a plan, one command at a time: side by side they would slow each other down."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from flexgs.batch import Row
from flexgs.batch.journal import append_row, mend_journal
from flexgs.batch.model import plain_error
from flexgs.bench.lpips import Lpips
from flexgs.bench.measuring import Judge, open_judge
from flexgs.bench.model import TimedOut
from flexgs.bench.planning import JOURNAL, Job, Plan
from flexgs.bench.work import run_job
from flexgs.errors import FlexgsError
from flexgs.io.appending import results_folder

LOCK = "bench.lock"


@dataclass(frozen=True)
class Step:
    """A job that ended, and how the whole stands."""

    job: Job
    row: Row
    ended: int
    total: int
    left_s: float | None  # at the pace so far, where that is known


Listener = Callable[[Step], None]


def bench_folder(folder: Path, force: bool = False) -> AbstractContextManager[Path]:
    """Makes and locks the folder of a benchmark; errors as of `results_folder`."""
    return results_folder(folder, JOURNAL, LOCK, "benchmark", force)


def run_bench(
    plan: Plan,
    folder: Path,
    *,
    lpips: Lpips | None = None,
    listener: Listener = lambda step: None,
) -> tuple[Row, ...]:
    """Runs the jobs that are not done; returns the rows of all jobs, in the plan's order.

    The folder is locked by the caller (`bench_folder`). What goes wrong with a job is a row with
    its error, and the rest goes on.

    Raises:
        FlexgsError: the journal cannot be written, or processes cannot be started.
    """
    rows = {job.id: plan.rows[job.id] for job in plan.jobs if job.state == "done"}
    journal, started = folder / JOURNAL, time.perf_counter()
    mend_journal(journal)
    judge: Judge | None = None
    for ended, job in enumerate(plan.todo, 1):
        broken = plan.unreadable.get(job.scene.name)
        if broken is None and (judge is None or judge.scene != job.scene):
            try:
                judge = open_judge(job.scene, plan.setup, lpips)
            except FlexgsError as error:
                judge, broken = None, plain_error(error)
        if judge is None or broken is not None:
            row = Row(*job.id, job.key, 0.0, 1, error=broken)
        else:
            row = run_job(job, judge, plan.setup, folder)
        append_row(journal, row)
        rows[job.id] = row
        pace = (time.perf_counter() - started) / ended
        left = pace * (len(plan.todo) - ended) or None
        listener(Step(job, row, ended, len(plan.todo), left))
    return tuple(rows[job.id] for job in plan.jobs)


def exit_code(rows: tuple[Row, ...]) -> int:
    """Of a benchmark: 1 when a job failed; one that took too long is a result.

    >>> exit_code((Row("a", "sog.sh-3", "k", 600.0, error={"kind": "TimedOut"}),))
    0
    """
    kinds = [row.error.get("kind") for row in rows if row.error is not None]
    return FlexgsError.exit_code if set(kinds) - {TimedOut.__name__} else 0

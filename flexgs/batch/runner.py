# SPDX-License-Identifier: Apache-2.0
"""Runs a plan: what is missing or changed goes to an executor, what ended to the journal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from flexgs.batch.executors import Executor
from flexgs.batch.journal import NAME, append_row, mend_journal
from flexgs.batch.model import Job, Row
from flexgs.batch.planning import Plan
from flexgs.batch.work import Outcome, Task, make_task
from flexgs.errors import FlexgsError, SearchError
from flexgs.io.appending import results_folder

LOCK = "batch.lock"
MAX_ATTEMPTS = 2  # of a job whose process or machine is lost


@dataclass(frozen=True)
class Step:
    """A job that ended, and how the whole stands."""

    row: Row
    ended: int  # jobs of this run
    total: int
    left_s: float | None  # time left, where anything is known of it
    retried: bool = False  # its process was lost; it runs once more


Listener = Callable[[Step], None]


def batch_folder(folder: Path, force: bool = False) -> AbstractContextManager[Path]:
    """Makes and locks the folder of a batch; errors as of `results_folder`."""
    return results_folder(folder, NAME, LOCK, "batch", force)


def run_plan(
    plan: Plan,
    folder: Path,
    executor: Executor,
    *,
    threads: int,
    listener: Listener = lambda step: None,
) -> tuple[Row, ...]:
    """Runs the jobs that are not done; returns the rows of all jobs, in the plan's order.

    The folder is locked by the caller (`batch_folder`). A job that fails is a row with its error,
    and the rest goes on. One whose process is lost is tried once more.

    Raises:
        FlexgsError: the journal cannot be written.
    """
    rows = {job.id: plan.rows[job.id] for job in plan.done}
    clock = _Clock(plan.todo)
    journal = folder / NAME
    mend_journal(journal)
    waiting: deque[Task] = deque()

    def end(job: Job, row: Row) -> None:
        append_row(journal, row)
        rows[job.id] = row
        clock.end(job, row.result is not None)
        listener(Step(row, clock.ended, clock.total, clock.left_s))

    for index, job in enumerate(plan.jobs):
        if job.id in plan.unreadable:
            end(job, plan.unreadable[job.id])
        elif job.state != "done":
            waiting.append(make_task(job, index, folder, threads, job.memory_bytes))
    running = 0
    with executor:
        while waiting or running:
            running += _start_what_fits(executor, waiting)
            for outcome in executor.wait():
                running -= 1
                task, job = outcome.task, plan.jobs[outcome.task.index]
                row = _row(job, outcome, folder)
                if outcome.lost and task.attempt < MAX_ATTEMPTS:
                    waiting.appendleft(replace(task, attempt=task.attempt + 1))
                    listener(Step(row, clock.ended, clock.total, clock.left_s, retried=True))
                else:
                    end(job, row)
    return tuple(rows[job.id] for job in plan.jobs)


def _start_what_fits(executor: Executor, waiting: deque[Task]) -> int:
    """Starts tasks in their order, past those that there is no room for; returns how many."""
    fits = 0
    for _ in range(len(waiting)):
        task = waiting.popleft()
        if executor.has_room(task):
            executor.start(task)
            fits += 1
        else:
            waiting.append(task)
    return fits


def _row(job: Job, outcome: Outcome, folder: Path) -> Row:
    root = folder.resolve()
    files = {Path(p).relative_to(root).as_posix(): s for p, s in (outcome.files or {}).items()}
    return Row(
        *job.id,
        key=job.key,
        seconds=round(outcome.seconds, 3),
        attempts=outcome.task.attempt,
        files=files,
        result=outcome.result,
        error=outcome.error,
    )


class _Clock:
    """How long the rest will take, by the bytes of the scenes that are through.

    A job that failed is off the list, but says nothing of the pace.
    """

    def __init__(self, jobs: tuple[Job, ...]) -> None:
        self._started = time.perf_counter()
        self._left = sum(max(1, job.size_bytes) for job in jobs)
        self._measured = 0
        self.total = len(jobs)
        self.ended = 0

    def end(self, job: Job, succeeded: bool) -> None:
        """A job is through."""
        size = max(1, job.size_bytes)
        self.ended += 1
        self._left -= size
        self._measured += size if succeeded else 0

    @property
    def left_s(self) -> float | None:
        """Seconds, at the pace so far; None before anything succeeded, and at the end."""
        if not self._measured or self.ended == self.total:
            return None
        return (time.perf_counter() - self._started) * self._left / self._measured


def exit_code(rows: Iterable[Row]) -> int:
    """Of a batch: 1 when a job failed, 4 when one only got near its target, else 0.

    >>> exit_code([Row("a", "b", "k", 1.0, error={"exit_code": 3})])
    1
    """
    rows = tuple(rows)
    if any(row.error is not None for row in rows):
        return FlexgsError.exit_code
    return SearchError.exit_code if any(row.missed for row in rows) else 0

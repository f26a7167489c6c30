# SPDX-License-Identifier: Apache-2.0
"""Jobs in this very process, one after the other: for debuggers, and where no process may start."""

from __future__ import annotations

import time
from types import TracebackType

from flexgs.batch.executors.protocol import read_outcome
from flexgs.batch.work import Outcome, Task, run_task


class InlineExecutor:
    """Runs a task when it is waited for."""

    def __init__(self) -> None:
        self._task: Task | None = None

    def __enter__(self) -> InlineExecutor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task = None

    def has_room(self, task: Task) -> bool:
        """One at a time."""
        return self._task is None

    def start(self, task: Task) -> None:
        """Keeps it for `wait`."""
        self._task = task

    def wait(self) -> tuple[Outcome, ...]:
        """Does it."""
        task, self._task = self._task, None
        if task is None:
            return ()
        started = time.perf_counter()
        plain = run_task(task)
        return (read_outcome(task, time.perf_counter() - started, plain),)

# SPDX-License-Identifier: Apache-2.0
"""What the runner wants of an executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from flexgs.batch.work import Outcome, Task


class Executor(Protocol):
    """A resource: `with executor:`; leaving the block ends what still runs, at once."""

    def __enter__(self) -> Executor: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def has_room(self, task: Task) -> bool:
        """Whether `task` may start now; true for every task when nothing runs."""

    def start(self, task: Task) -> None:
        """Starts it."""

    def wait(self) -> Sequence[Outcome]:
        """Waits until something that runs has ended; at least one outcome."""


def read_outcome(task: Task, seconds: float, plain: Mapping[str, Any]) -> Outcome:
    """The outcome that `run_task` gave; `seconds` with the start of its process."""
    return Outcome(task, seconds, plain.get("result"), plain.get("files"), plain.get("error"))


def lost_outcome(task: Task, seconds: float, why: str) -> Outcome:
    """The outcome of a task whose process is gone."""
    error = {"kind": "WorkerLost", "message": why, "exit_code": 1}
    return Outcome(task, seconds, error=error, lost=True)

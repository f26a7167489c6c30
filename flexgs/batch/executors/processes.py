# SPDX-License-Identifier: Apache-2.0
"""Jobs in processes of this machine: a fresh one each, so many at a time, within a bound of memory.

Processes are spawned, not forked: threads of numba and BLAS do not survive a fork. A child ends
when its parent does, however that ended: the kernel kills it (Linux), a thread of its own that
watches the parent does elsewhere. Results come as JSON: nothing is unpickled.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType

from flexgs.batch.executors.protocol import lost_outcome, read_outcome
from flexgs.batch.work import Outcome, Task, run_task
from flexgs.workers.processes import end_with_parent, ignore_interrupts, library_threads

MAX_MESSAGE = 64 << 20


@dataclass(frozen=True, eq=False)
class _Running:
    task: Task
    process: SpawnProcess
    pipe: Connection
    started: float


class ProcessExecutor:
    """At most `jobs` processes, whose tasks together need at most `max_memory_bytes`.

    A task that needs more than that runs alone.
    """

    def __init__(self, jobs: int = 1, max_memory_bytes: int | None = None) -> None:
        self._jobs = jobs
        self._max_memory = max_memory_bytes
        self._running: list[_Running] = []

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in self._running:
            each.process.kill()
        for each in self._running:
            each.process.join()
            each.pipe.close()
        self._running = []

    def has_room(self, task: Task) -> bool:
        """A process is free, and the memory that running tasks leave is enough."""
        if not self._running:
            return True
        used = sum(each.task.memory_bytes for each in self._running)
        fits = self._max_memory is None or used + task.memory_bytes <= self._max_memory
        return fits and len(self._running) < self._jobs

    def start(self, task: Task) -> None:
        """A process of its own for the task."""
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(task, sender), name=f"flexgs-{task.index}")
        with library_threads(task.threads):
            process.start()
        sender.close()  # else the pipe would not end with the child
        self._running.append(_Running(task, process, receiver, time.perf_counter()))

    def wait(self) -> list[Outcome]:
        """Waits until processes have answered or ended."""
        ready = wait([each.pipe for each in self._running])
        ended = [each for each in self._running if each.pipe in ready]
        self._running = [each for each in self._running if each.pipe not in ready]
        return [_finish(each) for each in ended]


def _finish(running: _Running) -> Outcome:
    seconds = time.perf_counter() - running.started
    try:
        answer = running.pipe.recv_bytes(MAX_MESSAGE)
        outcome = read_outcome(running.task, seconds, json.loads(answer))
    except (EOFError, OSError):
        running.process.join()
        outcome = lost_outcome(running.task, seconds, _how_it_ended(running.process.exitcode))
    running.pipe.close()
    running.process.join()
    return outcome


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"its process ended by itself, with exit code {exit_code}"
    if -exit_code == getattr(signal, "SIGKILL", 9):
        return "its process was killed, maybe for want of memory"
    return f"its process was ended by signal {-exit_code}"


def _child(task: Task, pipe: Connection) -> None:
    """What a spawned process does."""
    end_with_parent()
    ignore_interrupts()
    pipe.send_bytes(json.dumps(run_task(task)).encode())
    pipe.close()

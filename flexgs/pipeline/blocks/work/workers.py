# SPDX-License-Identifier: Apache-2.0
"""Where tasks run: in this process, in processes of this machine, or on a Ray cluster.

Tasks read and write files in one folder, so that where they run changes no byte; on a cluster it is
on a file system that all machines share. What comes back is a few numbers.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from flexgs.errors import FlexgsError
from flexgs.options import CompressOptions
from flexgs.pipeline.blocks.work.tasks import Facts
from flexgs.progress import Advance, Progress
from flexgs.workers.cluster import connect
from flexgs.workers.processes import end_with_parent, ignore_interrupts, library_threads

MAX_MESSAGE = 16 << 20


class Task(Protocol):
    """Something to do, with no result but files and facts."""

    def run(self) -> Facts:
        """Does it."""


def run_tasks(
    tasks: Sequence[Task],
    name: str,
    progress: Progress,
    options: CompressOptions,
    jobs: int,
) -> list[Facts]:
    """Facts of all tasks in their order.

    Args:
        options: of which `ray` and `threads` are looked at.
        jobs: processes at a time; 1: this process.

    Raises:
        FlexgsError: a task failed, or its process was lost.
    """
    with progress.stage(name, total=len(tasks)) as advance:
        if options.ray is not None:
            return _run_on_ray(tasks, options.ray, options.threads or 1, advance)
        if jobs <= 1 or len(tasks) <= 1:
            return [_advanced(task.run(), advance) for task in tasks]
        return _run_in_processes(tasks, jobs, options.threads, advance)


def _advanced(facts: Facts, advance: Advance) -> Facts:
    advance(1)
    return facts


def _run_in_processes(
    tasks: Sequence[Task], jobs: int, threads: int | None, advance: Advance
) -> list[Facts]:
    context = multiprocessing.get_context("spawn")
    found: dict[int, Facts] = {}
    running: dict[Connection, tuple[int, Any]] = {}
    waiting = list(enumerate(tasks))
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                index, task = waiting.pop(0)
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(task, sender), daemon=True)
                with library_threads(threads or max(1, (os.cpu_count() or 1) // jobs)):
                    process.start()
                sender.close()  # else the pipe would not end with the child
                running[receiver] = (index, process)
            ended = wait(list(running))
            for pipe in [pipe for pipe in running if pipe in ended]:
                index, process = running.pop(pipe)
                found[index] = _answer(pipe, process)
                advance(1)
    finally:
        for _, process in running.values():
            process.kill()
            process.join()
    return [found[index] for index in range(len(tasks))]


def _answer(pipe: Connection, process: Any) -> Facts:
    try:
        answer: Facts = json.loads(pipe.recv_bytes(MAX_MESSAGE))
    except (EOFError, OSError):
        process.join()
        raise FlexgsError(
            "the process of a block is lost",
            found=f"exit code {process.exitcode}",
            hint="maybe for want of memory: fewer --jobs or a smaller --max-memory",
        ) from None
    process.join()
    return _checked(answer)


def _checked(answer: Facts) -> Facts:
    if "error" in answer:
        raise FlexgsError(f"a block failed: {answer['error']}")
    return answer


def _child(task: Task, pipe: Connection) -> None:
    """What a spawned process does."""
    end_with_parent()
    ignore_interrupts()
    pipe.send_bytes(json.dumps(_run_safely(task)).encode())
    pipe.close()


def _run_safely(task: Task) -> Facts:
    try:
        return task.run()
    except Exception as error:  # whatever it is, the other side says it
        return {"error": f"{type(error).__name__}: {error}"}


def _run_on_ray(tasks: Sequence[Task], address: str, threads: int, advance: Advance) -> list[Facts]:
    ray = connect(address)
    try:
        remote = ray.remote(max_retries=1, max_calls=1, num_cpus=threads)(_run_safely)
        references = [remote.remote(task) for task in tasks]
        waiting = list(references)
        while waiting:
            done, waiting = ray.wait(waiting, num_returns=1)
            advance(len(done))
        return [_checked(ray.get(reference)) for reference in references]
    except ray.exceptions.RayError as error:
        raise FlexgsError(f"the Ray worker of a block is lost: {error}") from error
    finally:
        ray.shutdown()  # ends what still runs

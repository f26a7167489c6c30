# SPDX-License-Identifier: Apache-2.0
"""Jobs on a Ray cluster (the extra `flexgs[cluster]`), with declared CPUs, GPUs and memory.

Workers read scenes and photographs by the same paths as the driver: a shared file system. Files
come back as bytes and are written by the driver, which also keeps the journal.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from flexgs.batch.executors.protocol import lost_outcome, read_outcome
from flexgs.batch.work import Outcome, Task, run_task
from flexgs.errors import FlexgsError, UsageError
from flexgs.io import atomic_write
from flexgs.workers.cluster import connect

_Started = tuple[Task, float]


class RayExecutor:
    """Hands tasks to a running cluster; Ray decides when and where there is room for them."""

    def __init__(self, address: str) -> None:
        """Connects.

        Args:
            address: "auto" for the cluster that this machine is part of, or host:port.

        Raises:
            UsageError: Ray is not installed, or no cluster answers there.
        """
        ray = connect(address)
        self._ray: Any = ray
        self._remote = ray.remote(max_retries=0, max_calls=1)(_remote_task)
        self._running: dict[Any, _Started] = {}
        self._largest = _largest_node(ray)

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running = {}
        self._ray.shutdown()

    def has_room(self, task: Task) -> bool:
        """Ray queues what does not fit yet."""
        return True

    def start(self, task: Task) -> None:
        """Submits the task.

        Raises:
            UsageError: no machine of the cluster has so many CPUs or GPUs.
        """
        for name, wanted in (("CPU", task.threads), ("GPU", task.gpus)):
            if wanted > self._largest.get(name, 0):
                raise UsageError(
                    f"no machine of the cluster has {wanted} {name}s", found=self._largest.get(name)
                )
        memory = min(task.memory_bytes, int(self._largest.get("memory", task.memory_bytes)))
        remote = self._remote.options(num_cpus=task.threads, num_gpus=task.gpus, memory=memory)
        self._running[remote.remote(task)] = (task, time.perf_counter())

    def wait(self) -> list[Outcome]:
        """Waits until the next task has ended."""
        ready, _ = self._ray.wait(list(self._running), num_returns=1)
        return [self._finish(reference, *self._running.pop(reference)) for reference in ready]

    def _finish(self, reference: Any, task: Task, started: float) -> Outcome:
        seconds = time.perf_counter() - started  # with its time in Ray's queue
        try:
            plain, contents = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:  # the worker, or its machine, is gone
            first = (str(error).splitlines() or [""])[0]
            why = f"the Ray worker is lost: {type(error).__name__}: {first}"
            return lost_outcome(task, seconds, why)
        try:
            for path, data in contents.items():
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(path) as file:
                    file.write(data)
        except OSError as error:
            raise FlexgsError(f"cannot be made: {error.strerror}", path=task.output) from error
        return read_outcome(task, seconds, plain)


def _largest_node(ray: Any) -> dict[str, float]:
    """The most of each resource that one machine has."""
    most: dict[str, float] = {}
    for node in ray.nodes():
        if node.get("Alive"):
            for name, amount in node.get("Resources", {}).items():
                most[name] = max(most.get(name, 0.0), amount)
    return most


def _remote_task(task: Task) -> tuple[dict[str, Any], dict[str, bytes]]:
    """On the worker: the outcome, and the files' bytes by the driver's paths."""
    with tempfile.TemporaryDirectory(prefix="flexgs-") as folder:
        here = {str(Path(folder, Path(path).name)): path for path in (task.output, task.report)}
        output, report = here
        plain = run_task(replace(task, output=output, report=report))
        contents = {path: Path(own).read_bytes() for own, path in here.items() if "result" in plain}
        if "files" in plain:
            plain["files"] = {here[own]: digest for own, digest in plain["files"].items()}
        return plain, contents

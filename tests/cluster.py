# SPDX-License-Identifier: Apache-2.0
"""A real Ray cluster on this machine, for tests."""

from __future__ import annotations

import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def two_nodes() -> Iterator[str]:
    """The address of a cluster of two nodes, one CPU each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        node = {"num_cpus": 1, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            cluster.add_node(num_cpus=1)
            yield cluster.address
        finally:
            cluster.shutdown()


def kill_a_worker(task: str, process: subprocess.Popen[str], timeout_s: float = 240) -> None:
    """Kills one that does the named task, as soon as there is one while `process` runs."""
    workers: list[psutil.Process] = []
    deadline = time.monotonic() + timeout_s
    while not workers and process.poll() is None and time.monotonic() < deadline:
        workers = [
            worker
            for worker in psutil.process_iter(["cmdline"])
            if any(word.startswith(f"ray::{task}") for word in worker.info["cmdline"] or ())
        ]
        time.sleep(0.02)
    assert workers
    workers[0].kill()

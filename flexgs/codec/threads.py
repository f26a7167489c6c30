# SPDX-License-Identifier: Apache-2.0
"""Chunks in parallel: numpy, the byte codecs and the kernels all release the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

MAX_THREADS = 8


def run_chunks(function: Callable[[int], T], count: int, threads: int | None = None) -> list[T]:
    """[function(0), ..., function(count - 1)]; raises what the first of them to fail raised.

    threads: at most so many; None for as many as there are cores.
    """
    workers = min(count, MAX_THREADS, threads or os.cpu_count() or 1)
    if workers <= 1:
        return [function(index) for index in range(count)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, range(count)))

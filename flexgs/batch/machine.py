# SPDX-License-Identifier: Apache-2.0
"""What this machine has for jobs."""

from __future__ import annotations

import os
from pathlib import Path

from flexgs.errors import FlexgsError
from flexgs.io.files import read_limited

MEMORY_SHARE = 0.8  # of the machine's memory that jobs may need together, unless said otherwise
_CGROUP = Path("/sys/fs/cgroup/memory.max")  # the bound of a container, where there is one


def available_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_per_job(threads: int | None, jobs: int) -> int:
    """As given; else the cores, shared out."""
    return threads if threads is not None else max(1, available_cores() // max(1, jobs))


def memory_for_jobs() -> int | None:
    """Bytes; None where the system does not say how much memory there is."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        text = read_limited(_CGROUP, 64).decode("ascii", "replace").strip()
    except FlexgsError:
        text = ""
    bound = min(total, int(text)) if text.isdigit() else total
    return int(MEMORY_SHARE * bound)

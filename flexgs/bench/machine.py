# SPDX-License-Identifier: Apache-2.0
"""The machine that numbers are from, in words: no names, no places."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from flexgs.batch.facts import versions_that_matter
from flexgs.batch.machine import available_cores

_CPU_INFO = Path("/proc/cpuinfo")


def describe_machine() -> dict[str, str]:
    """Processor, memory, system and versions."""
    return {
        "processor": f"{available_cores()} cores of {_processor()}",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **versions_that_matter(),
    }


def _processor() -> str:
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", _CPU_INFO.read_text("utf-8"), re.MULTILINE)
    except OSError:
        match = None
    return match[1] if match else platform.processor() or "an unknown processor"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{size / 1e9:.0f} GB"

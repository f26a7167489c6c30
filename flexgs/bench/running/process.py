# SPDX-License-Identifier: Apache-2.0
"""A command, measured from outside: wall clock, processor time, memory, what else was going on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flexgs.errors import FlexgsError

GUARD = Path(__file__).with_name("guard.py")
_STAT = Path("/proc/stat")  # Linux: what all processors did, in ticks
_IDLE = (3, 4)  # columns of it: idle, waiting for a disk


@dataclass(frozen=True)
class Ran:
    """How a command went.

    `peak_bytes` is the resident memory of the largest process of its tree; `others` how many
    processors other work took meanwhile. None where the system does not tell.
    """

    returncode: int
    seconds: float
    cpu_seconds: float | None
    peak_bytes: int | None
    timed_out: bool
    stdout: str
    stderr: str  # its end
    others: float | None

    @property
    def why(self) -> str:
        """The last thing it said, for a failure."""
        said = [line for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        return said[-1].strip() if said else f"exit code {self.returncode}"


def run_command(command: Sequence[str], limit_s: float | None = None) -> Ran:
    """Runs it to its end, or for `limit_s` seconds. It dies with this process.

    Raises:
        FlexgsError: this machine cannot start processes.
    """
    before = _busy_seconds()
    arguments = [sys.executable, "-I", "-S", str(GUARD), str(limit_s or 0), *command]
    try:
        guard = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise FlexgsError(f"could not start a process: {error.strerror}") from error
    with guard:  # leaving it closes stdin, which ends the command
        answer = guard.stdout.read() if guard.stdout is not None else b""
    try:
        told = json.loads(answer)
    except ValueError:
        told = {"returncode": guard.returncode, "stderr": "the process that watched it was killed"}
    after = _busy_seconds()
    seconds, cpu = told.get("seconds", 0.0), told.get("cpu_seconds")
    others = None
    if before is not None and after is not None and cpu is not None and seconds > 0:
        others = max(0.0, (after - before - cpu) / seconds)
    return Ran(
        returncode=told["returncode"],
        seconds=seconds,
        cpu_seconds=cpu,
        peak_bytes=told.get("peak_bytes"),
        timed_out=told.get("timed_out", False),
        stdout=told.get("stdout", ""),
        stderr=told.get("stderr", ""),
        others=others,
    )


def _busy_seconds() -> float | None:
    """Seconds that all processors together have worked since the start of the system."""
    try:
        with _STAT.open(encoding="ascii") as file:
            ticks = [int(text) for text in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return (sum(ticks) - sum(ticks[i] for i in _IDLE)) / os.sysconf("SC_CLK_TCK")

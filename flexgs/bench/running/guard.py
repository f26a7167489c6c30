# SPDX-License-Identifier: Apache-2.0
"""Runs one command, says on stdout, as JSON, how it went: `python -IS guard.py LIMIT COMMAND...`.

A process of its own, and a small one, because Linux counts the memory of whoever starts a program
as that program's, too. The command ends when its time is up, or when stdin closes: with whoever
started this, however that ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, Any

MAX_STDOUT = 32 << 20  # bytes that are passed on
MAX_STDERR = 8000
BLOCK = 1 << 16


def guard(limit_s: float, command: list[str]) -> dict[str, Any]:
    """Runs it; `limit_s` 0 is no limit."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        except OSError as error:
            return {"returncode": 127, "stderr": f"{command[0]}: {error.strerror}"}
        late = threading.Event()
        threading.Thread(target=_end_with_stdin, args=(child,), daemon=True).start()
        timer = threading.Timer(limit_s or threading.TIMEOUT_MAX, _end_late, (child, late))
        timer.daemon = True
        timer.start()
        usage = _wait(child)
        seconds = time.perf_counter() - started
        timer.cancel()
        end(child)  # what it may have left running
        return {
            "returncode": child.returncode,
            "seconds": seconds,
            "timed_out": late.is_set(),
            "stdout": _text(out, MAX_STDOUT),
            "stderr": _text(err, MAX_STDERR),
            **usage,
        }


def _wait(child: subprocess.Popen[bytes]) -> dict[str, float]:
    """Waits; CPU seconds of it and all it waited for, and the memory of the largest of them."""
    if sys.platform == "win32":
        child.wait()
        return {}
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * unit,
    }


def end(child: subprocess.Popen[bytes]) -> None:
    """Kills it and all that it started."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)


def _end_late(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    end(child)


def _end_with_stdin(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, BLOCK):
        pass
    end(child)
    os._exit(1)


def _text(stream: IO[bytes], limit: int) -> str:
    """The last bytes of what was written."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - limit))
    return stream.read(limit).decode("utf-8", "replace")


if __name__ == "__main__":
    json.dump(guard(float(sys.argv[1]), sys.argv[2:]), sys.stdout)

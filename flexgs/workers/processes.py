# SPDX-License-Identifier: Apache-2.0
"""Child processes that do not outlive their parent, however that ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import wait

PARENT_GONE = 3  # exit code of a child that nobody waits for
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def end_with_parent() -> None:
    """Called in a child: the kernel kills it with its parent (Linux), a thread does elsewhere."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(PARENT_GONE)

    threading.Thread(target=watch, daemon=True).start()
    if sys.platform == "linux":  # at once, also while a compiled kernel keeps the watch waiting
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # a libc without it
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def ignore_interrupts() -> None:
    """Called in a child: Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def library_threads(threads: int) -> Iterator[None]:
    """Libraries of a process that starts in the block take so many threads."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

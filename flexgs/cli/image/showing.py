# SPDX-License-Identifier: Apache-2.0
"""Progress of an encoding, and the Ctrl-C that ends it with what there is."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flexgs.cli.common.output import console

if TYPE_CHECKING:
    from types import FrameType

    from flexgs.image.fit import Moment

Report = Callable[["Moment"], None]
Stop = Callable[[], bool]


@contextmanager
def _interruptible() -> Iterator[Stop]:
    """What says whether Ctrl-C was pressed; a second one interrupts as usual."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def press(_number: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def listening(*, quiet: bool) -> Iterator[tuple[Report, Stop]]:
    """A report that draws a bar with the PSNR on a terminal, and what Ctrl-C sets."""
    with _interruptible() as stop:
        if quiet or not sys.stderr.isatty():
            yield (lambda _moment: None), stop
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            TextColumn("fit, {task.fields[n]} Gaussians"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[psnr]:.2f} dB"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console(err=True)) as bars:
            task = bars.add_task("fit", total=None, n=0, psnr=0.0)

            def report(moment: Moment) -> None:
                bars.update(
                    task,
                    total=moment.steps,
                    completed=moment.step,
                    n=moment.n,
                    psnr=moment.psnr,
                )

            yield report, stop

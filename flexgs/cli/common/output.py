# SPDX-License-Identifier: Apache-2.0
"""Where things are shown: results on stdout, all else on stderr, progress on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import typer

from flexgs.progress import SILENT, Advance, Progress

if TYPE_CHECKING:
    import rich.progress
    from rich.console import Console, RenderableType

    from flexgs.viewer.server import PageServer


def show(renderable: RenderableType, *, as_json: bool = False) -> None:
    """A table for people: on stdout, on stderr when stdout carries JSON."""
    target = console(err=as_json)
    if target.is_terminal:
        target.print(renderable)
        return
    with target.capture() as captured:
        target.print(renderable)
    lines = captured.get().splitlines()  # rich fills every line up to the width
    typer.echo("\n".join(line.rstrip() for line in lines), err=as_json)


def say(text: str, *, quiet: bool = False) -> None:
    """A line on stderr."""
    if not quiet:
        typer.echo(text, err=True)


def print_json(value: object) -> None:
    """A result for machines, on stdout."""
    from flexgs.report.to_json import dump_json, to_plain

    typer.echo(dump_json(to_plain(value)), nl=False)


def console(err: bool = False) -> Console:
    """A rich console; as wide as its content needs where that goes to a file or a pipe."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else 200, soft_wrap=False)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Progress bars on stderr when that is a terminal, silence otherwise."""
    if quiet or not sys.stderr.isatty():
        yield SILENT
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=console(err=True)) as bars:
        yield RichProgress(bars)


class RichProgress:
    """A bar for each stage; finished ones stay, with their time."""

    def __init__(self, bars: rich.progress.Progress) -> None:
        self._bars = bars

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """A bar that runs until the block ends."""
        return self._bar(name, total)

    @contextmanager
    def _bar(self, name: str, total: int | None) -> Iterator[Advance]:
        task = self._bars.add_task(name, total=total)
        try:
            yield lambda count: self._bars.advance(task, count)
            done = self._bars.tasks[self._bars.task_ids.index(task)].completed
            self._bars.update(task, total=max(done, 1), completed=max(done, 1))
        finally:
            self._bars.stop_task(task)


def serve_page(
    server: PageServer, host: str, what: str, *, as_json: bool, quiet: bool, no_browser: bool
) -> None:
    """Says where a page is, opens it, and answers until Ctrl-C."""
    from flexgs.viewer.server import is_loopback, open_browser, serve

    if not is_loopback(host):
        say(f"warning: who can reach {host} and knows the address can see {what}")
    if as_json:
        print_json({"url": server.url})
    else:
        typer.echo(server.url)
    if not no_browser and not open_browser(server.url):
        say("no browser was found: open the address yourself", quiet=quiet)
    say("Ctrl-C ends it", quiet=quiet)
    serve(server)

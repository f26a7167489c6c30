# SPDX-License-Identifier: Apache-2.0
"""What a batch shows: its plan, a line for every job that ends, its table."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from flexgs.batch import Plan, Step, exit_code, run_plan, table_rows, write_summary
from flexgs.batch.executors import Executor
from flexgs.batch.inputs.settings import options_to_plain
from flexgs.batch.summary import COLUMNS, first_line
from flexgs.cli.common.output import print_json, progress, say, show
from flexgs.report.model import format_bytes

_LEFT_ALIGNED = ("scene", "setting", "state", "views", "note")


def run_and_show(
    plan: Plan, folder: Path, executor: Executor, threads: int, *, as_json: bool, quiet: bool
) -> int:
    """Runs what is to do, shows the table of all, writes it beside the journal; the exit code."""
    say_notes(plan, quiet)
    need = max((job.memory_bytes for job in plan.todo), default=0)
    words = f"{len(plan.jobs)} jobs: {len(plan.done)} done before, {len(plan.todo)} to do"
    size = f", {threads} threads each, up to {format_bytes(need)} of memory" if plan.todo else ""
    say(words + size, quiet=quiet)
    with progress(quiet=quiet) as bars, bars.stage("jobs", total=len(plan.todo)) as advance:

        def listen(step: Step) -> None:
            say(describe_step(step), quiet=quiet)
            advance(0 if step.retried else 1)

        try:
            with redirect_stdout(sys.stderr):  # Ray prints into the JSON otherwise
                rows = run_plan(plan, folder, executor, threads=threads, listener=listen)
        except KeyboardInterrupt:
            say("what has ended is in the journal; the same command goes on from there")
            raise
    write_summary(rows, folder)
    code = exit_code(rows)
    if as_json:
        print_json({"jobs": rows, "exit_code": code, "done_before": len(plan.done)})
    if not quiet:
        show(_table(COLUMNS, table_rows(rows)), as_json=as_json)
    failed = sum(row.error is not None for row in rows)
    say(f"{folder}: {len(rows) - failed} of {len(rows)} jobs are done", quiet=quiet and not failed)
    return code


def describe_step(step: Step) -> str:
    """A line on a job that ended.

    >>> from flexgs.batch import Row
    >>> describe_step(Step(Row("room", "drop-1", "k", 2.0, error={"message": "no such file"}),
    ...     3, 8, 180.0))
    '[3/8] room drop-1: FAILED: no such file; about 3 min left'
    """
    row, result = step.row, step.row.result
    left = "" if step.left_s is None else f"; about {_duration(step.left_s)} left"
    start = f"[{step.ended}/{step.total}] {row.scene} {row.setting}: "
    if step.retried:
        return f"{start}{first_line(row)}; it runs once more{left}"
    if result is None:
        return f"{start}FAILED: {first_line(row)}{left}"
    drop = "" if result.get("drop_db") is None else f", {result['drop_db']:.3f} dB lost"
    missed = ", target MISSED" if row.missed else ""
    size = f"{format_bytes(result['bytes'])}, {result['ratio']:.1f}x{drop}{missed}"
    return f"{start}{size}, {row.seconds:.1f} s{left}"


def show_plan(plan: Plan, threads: int, *, as_json: bool, quiet: bool) -> None:
    """The plan as a table, or as JSON."""
    say_notes(plan, quiet)
    if as_json:
        jobs = [
            {
                "scene": job.scene.name,
                "setting": job.setting.name,
                "state": job.state,
                "output": job.output,
                "key": job.key,
                "memory_bytes": job.memory_bytes,
                "options": options_to_plain(job.setting.options),
                "facts": plan.facts.get(job.id),
                "error": row.error if (row := plan.unreadable.get(job.id)) else None,
            }
            for job in plan.jobs
        ]
        print_json({"jobs": jobs, "to_do": len(plan.todo), "threads": threads})
    if quiet:
        return
    columns = ("scene", "setting", "state", "original", "memory", "views", "note")
    show(_table(columns, _plan_rows(plan)), as_json=as_json)
    say(f"{len(plan.jobs)} jobs: {len(plan.done)} done, {len(plan.todo)} to do")


def say_notes(plan: Plan, quiet: bool) -> None:
    """What is odd about the journal, and what was chosen for each scene."""
    for note in plan.notes:
        say(f"note: {note}", quiet=quiet)
    said = set()
    for job in plan.jobs:
        facts = plan.facts.get(job.id)
        for note in () if facts is None else facts.notes:
            line = f"{job.scene.name}: {note}"
            if line not in said:
                said.add(line)
                say(line, quiet=quiet)


def _plan_rows(plan: Plan) -> Iterable[tuple[str, ...]]:
    for job in plan.jobs:
        facts, broken = plan.facts.get(job.id), plan.unreadable.get(job.id)
        if facts is None:
            note = first_line(broken) if broken else ""
            yield job.scene.name, job.setting.name, job.state, "–", "–", "–", note
            continue
        views = f"{facts.views} of {facts.cameras}, {facts.report_views} to report on"
        if facts.size is not None:
            views += f", {facts.size[0]}x{facts.size[1]}"
        photos = f"{facts.photographs} photographs" if facts.photographs else "no photographs"
        yield (
            job.scene.name,
            job.setting.name,
            job.state,
            format_bytes(facts.size_bytes),
            format_bytes(job.memory_bytes),
            views if facts.views else "will be invented",
            photos,
        )


def _table(columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table()
    for column in columns:
        justify = "left" if column in _LEFT_ALIGNED else "right"
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

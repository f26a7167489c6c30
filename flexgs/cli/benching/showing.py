# SPDX-License-Identifier: Apache-2.0
"""What a benchmark shows: its plan, a line for every file, its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table as RichTable

from flexgs.batch import BatchScene, Row
from flexgs.batch.summary import first_line
from flexgs.bench.lpips import Lpips
from flexgs.bench.machine import describe_machine
from flexgs.bench.planning import Plan
from flexgs.bench.report import Outcome, write_reports
from flexgs.bench.report.page import scene_facts
from flexgs.bench.report.tables import Table, equal_drop_tables, missing_table
from flexgs.bench.runner import Step, exit_code, run_bench
from flexgs.cli.common.output import print_json, progress, say, show
from flexgs.errors import FlexgsError
from flexgs.report.model import format_bytes

if TYPE_CHECKING:
    from flexgs.bench.ablation.run import Ablation


def show_plan(plan: Plan, lpips: str, *, as_json: bool, quiet: bool) -> None:
    """What there is to do; nothing has run."""
    for name, words in scene_facts(plan):
        say(f"{name}: {words}", quiet=quiet)
    say(lpips, quiet=quiet)
    for title, why in plan.unavailable.items():
        say(f"not run: {title}: {why}", quiet=quiet)
    if as_json:
        jobs = [
            {
                "scene": j.scene.name,
                "method": j.method.name,
                "point": j.point.name,
                "state": j.state,
            }
            for j in plan.jobs
        ]
        print_json({"jobs": jobs, "to_do": len(plan.todo), "unavailable": plan.unavailable})
    if quiet:
        return
    rows = [
        (job.scene.name, job.method.title, job.point.words, job.state, job.output)
        for job in plan.jobs
    ]
    columns = ("scene", "method", "file", "state", "output")
    show(_table(Table("plan", columns, tuple(rows))), as_json=as_json)


def run_and_show(
    plan: Plan,
    folder: Path,
    lpips: tuple[Lpips | None, str],
    *,
    pictures: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Runs what is to do, writes the reports, shows the tables; the exit code."""
    done = len(plan.jobs) - len(plan.todo)
    say(f"{len(plan.jobs)} files: {done} done before, {len(plan.todo)} to do", quiet=quiet)
    for note in (*plan.notes, *(f"not run: {t}: {why}" for t, why in plan.unavailable.items())):
        say(note, quiet=quiet)
    with progress(quiet=quiet) as bars, bars.stage("files", total=len(plan.todo)) as advance:

        def listen(step: Step) -> None:
            say(describe_step(step), quiet=quiet)
            advance(1)

        try:
            rows = run_bench(plan, folder, lpips=lpips[0], listener=listen)
        except KeyboardInterrupt:
            say("what has ended is in the journal; the same command goes on from there")
            raise
    outcome = Outcome(plan, rows, describe_machine(), lpips[1])
    with progress(quiet=quiet) as bars, bars.stage("report"):
        write_reports(outcome, folder, pictures=pictures)
    code = exit_code(rows)
    if as_json:
        print_json(_plain(outcome, code))
    if not quiet:
        missing = missing_table(outcome)
        for table in (*equal_drop_tables(outcome, "report"), *([missing] if missing else [])):
            show(_table(table), as_json=as_json)
    say(f"{folder}: report.html, tables.md, points.csv, survey/, plots/", quiet=quiet)
    return code


def ablate_and_show(
    scenes: Sequence[BatchScene], ablation: Ablation, folder: Path, *, as_json: bool, quiet: bool
) -> int:
    """Switches parts off, writes and shows the tables; the exit code."""
    from flexgs.bench.ablation.run import run_ablation
    from flexgs.bench.ablation.show import ablation_tables, write_ablation

    def listen(row: Row) -> None:
        words = first_line(row)
        if row.result is not None:
            words = f"{row.result['size_at']:,.0f} bytes, {row.result['change']:+.1%}"
        say(f"{row.scene} {row.setting}: {words}, {row.seconds:.1f} s", quiet=quiet)

    rows = run_ablation(scenes, ablation, folder, listener=listen)
    write_ablation(rows, ablation, folder)
    code = FlexgsError.exit_code if any(row.error is not None for row in rows) else 0
    if as_json:
        print_json({"rows": rows, "target_db": ablation.target_db, "exit_code": code})
    if not quiet:
        for table in ablation_tables(rows, ablation):
            show(_table(table), as_json=as_json)
    say(f"{folder}: ablation.md, ablation.csv, plots/", quiet=quiet)
    return code


def describe_step(step: Step) -> str:
    """A line on a file."""
    left = "" if step.left_s is None else f"; about {_duration(step.left_s)} left"
    start = f"[{step.ended}/{step.total}] {step.job.scene.name} {step.job.setting}: "
    found = step.row.result
    if found is None:
        return f"{start}NOT MADE: {first_line(step.row)}{left}"
    missed = ", target MISSED" if found["missed"] else ""
    size = f"{format_bytes(found['bytes'])}, {found['source_bytes'] / found['bytes']:.1f}x"
    drop = f"{found['report']['drop_db']:.3f} dB lost on the test views"
    return f"{start}{size}, {drop}{missed}, {found['encode']['seconds']:.1f} s{left}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _plain(outcome: Outcome, code: int) -> Mapping[str, Any]:
    sizes = [
        {
            "scenes": [scene.name for scene in scenes],
            "views": views,
            "drop_db": drop,
            "method": method.name,
            "found": outcome.size(scenes, method, drop, views),
        }
        for scenes in outcome.groups().values()
        for views in ("report", "search")
        for drop in outcome.drops
        for method in outcome.plan.methods
    ]
    return {
        "files": outcome.rows,
        "sizes_at_drops": sizes,
        "unavailable": outcome.plan.unavailable,
        "machine": outcome.machine,
        "exit_code": code,
    }


def _table(table: Table) -> RichTable:
    shown = RichTable(title=escape(table.title), title_justify="left")
    for column in table.columns:
        shown.add_column(escape(column), overflow="fold")
    for row in table.rows:
        shown.add_row(*map(escape, row))
    return shown

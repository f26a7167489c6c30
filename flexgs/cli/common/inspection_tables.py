# SPDX-License-Identifier: Apache-2.0
"""An inspection as tables for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flexgs.lint import Column, Finding, Inspection, Outcome, Range
from flexgs.report.model import format_bytes

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_AXES = "those of a .ply: x right, y down, z forward"
_NUMBERED = re.compile(r"(.*_)(\d+)")


def inspection_tables(found: Inspection) -> Group:
    """Facts, ranges, what other formats lose, and at last what to look at."""
    parts: list[RenderableType] = [_facts(found), Text(), _ranges(found.ranges)]
    if found.outcomes:
        parts += [Text(), _outcomes(found.outcomes)]
    parts += [Text(), *map(_finding, found.findings), _verdict(found)]
    return Group(*parts)


def _facts(found: Inspection) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    variant = f", {found.variant}" if found.variant else ""
    axes = f"{found.axes}, turned to {_AXES}" if found.axes else f"not said; taken for {_AXES}"
    rows = {
        "name": found.name,
        "format": f"{found.format}{variant}",
        "size": format_bytes(found.size_bytes),
        "Gaussians": f"{found.gaussians:,} in {found.dimensions}-D",
        "SH degree": str(found.sh_degree),
        "model": found.model,
        "axes": axes,
        "comments": "; ".join(found.comments),
        "columns": "; ".join(_phrase_columns(found.columns)),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, escape(value))
    return table


def _phrase_columns(columns: Iterable[Column]) -> Iterator[str]:
    """Columns of one type and element together, numbered names as a range."""
    for (element, kind), own in groupby(columns, key=lambda c: (c.element, c.type)):
        yield f"{element}: {' '.join(_fold([column.name for column in own]))} ({kind})"


def _fold(names: list[str]) -> Iterator[str]:
    """f_dc_0 f_dc_1 f_dc_2 as f_dc_0..2."""

    def stem(name: str) -> str:
        match = _NUMBERED.fullmatch(name)
        return match[1] if match else name

    for _, group in groupby(names, key=stem):
        own = list(group)
        match = _NUMBERED.fullmatch(own[-1])
        yield own[0] if len(own) == 1 or match is None else f"{own[0]}..{match[2]}"


def _ranges(ranges: Iterable[Range]) -> Table:
    table = Table(title="Ranges", title_justify="left")
    table.add_column("attribute")
    for column in ("least", "1 %", "median", "99 %", "most", "NaN", "infinite"):
        table.add_column(column, justify="right")
    for each in ranges:
        numbers = (each.minimum, each.p1, each.median, each.p99, each.maximum)
        shown = ("-" if number is None else f"{number:.5g}" for number in numbers)
        table.add_row(each.name, *shown, str(each.nan or ""), str(each.infinite or ""))
    return table


def _outcomes(outcomes: Iterable[Outcome]) -> Table:
    table = Table(title="In other formats, default variants", title_justify="left")
    table.add_column("format")
    table.add_column("bytes", justify="right")
    table.add_column("would lose", overflow="fold")
    for each in outcomes:
        size = "" if each.size_bytes is None else f"{each.size_bytes:,}"
        if each.refused is not None:
            words = f"refused: {each.refused}"
        else:
            losses = [str(loss) for loss in each.losses]
            rest = [] if each.tried else ["the rest was not tried (--losses all)"]
            nothing = "nothing" if each.format == "ply" else "nothing but rounding"
            words = "\n".join([*losses, *rest]) or nothing
        table.add_row(each.format, size, escape(words))
    return table


def _finding(finding: Finding) -> Text:
    text = Text(finding.severity, style=_COLOURS[finding.severity])
    count = f"{finding.count:,} Gaussians: " if finding.count else ""
    text.append(f" {finding.code}: {count}{finding.what}", style="default")
    if finding.rows:
        more = ", ..." if finding.count > len(finding.rows) else ""
        text.append(f" (rows {', '.join(map(str, finding.rows))}{more})", style="default")
    if finding.hint:
        text.append(f"; {finding.hint}", style="default")
    return text


def _verdict(found: Inspection) -> Text:
    errors, warnings = found.count("error"), found.count("warning")
    colour = "red" if errors else "yellow" if warnings else "green"
    return Text(f"{errors} errors, {warnings} warnings", style=f"bold {colour}")

# SPDX-License-Identifier: Apache-2.0
"""Reports and qualities as tables for a terminal."""

from __future__ import annotations

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flexgs.quality import Quality
from flexgs.report.model import Report, format_bytes
from flexgs.report.rows import describe_source, quality_columns, quality_rows, summary_rows


def report_table(report: Report) -> Group:
    """What matters of a report in one table, warnings below."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in summary_rows(report):
        table.add_row(name, escape(value))
    parts = sorted(report.bytes_by_attribute.items(), key=lambda part: -part[1])
    if parts:
        listed = ", ".join(f"{name} {format_bytes(size)}" for name, size in parts)
        table.add_row("bytes", escape(listed))
    warnings = [Text(f"warning: {warning}", style="yellow") for warning in report.warnings]
    return Group(table, *warnings)


def quality_table(quality: Quality) -> Table:
    """All views, the mean first; a title on where the drop is from."""
    title = "\n".join((describe_source(quality), *quality.notes))
    table = Table(title=Text(title), title_justify="left")
    for column in quality_columns(quality):
        table.add_column(column, justify="left" if column == "view" else "right")
    for row in quality_rows(quality):
        table.add_row(*(escape(cell) for cell in row))
    return table

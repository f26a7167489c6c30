# SPDX-License-Identifier: Apache-2.0
"""Everything that a benchmark leaves in its folder beside the files themselves."""

from __future__ import annotations

import re
from pathlib import Path

from flexgs.bench.report.csv_files import points_csv, survey_csvs
from flexgs.bench.report.outcome import Outcome
from flexgs.bench.report.page import outcome_to_html
from flexgs.bench.report.plots import plot_files
from flexgs.bench.report.strips import make_strips
from flexgs.bench.report.tables import (
    equal_drop_tables,
    missing_table,
    points_tables,
    reported_table,
    to_markdown,
)
from flexgs.io import atomic_write

POINTS, MARKDOWN, PAGE = "points.csv", "tables.md", "report.html"


def write_reports(outcome: Outcome, folder: Path, *, pictures: bool = True) -> None:
    """points.csv, survey/, tables.md, plots/, report.html.

    Args:
        pictures: decode a file of every method again, for its crops on the page.

    Raises:
        FlexgsError: the system refused a write.
    """
    texts = {POINTS: points_csv(outcome), MARKDOWN: tables_of(outcome)}
    texts |= {f"survey/{name}": text for name, text in survey_csvs(outcome).items()}
    contents = {name: text.encode() for name, text in texts.items()}
    for group in outcome.groups():
        stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", group).strip("-")
        contents |= {f"plots/{stem}{s}": data for s, data in plot_files(outcome, group).items()}
    for name, data in contents.items():
        write(folder / name, data)
    strips = make_strips(outcome, folder) if pictures else ()
    write(folder / PAGE, outcome_to_html(outcome, strips).encode())


def tables_of(outcome: Outcome) -> str:
    """All tables as Markdown."""
    tables = [*equal_drop_tables(outcome, "report"), *equal_drop_tables(outcome, "search")]
    tables += points_tables(outcome)
    missing = missing_table(outcome)
    return to_markdown([*tables, *([missing] if missing else []), reported_table()])


def write(path: Path, data: bytes) -> None:
    """A file, and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(data)

# SPDX-License-Identifier: Apache-2.0
"""Reports on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flexgs.errors import UsageError
from flexgs.io.files import atomic_write, ensure_output
from flexgs.report.model import Report
from flexgs.report.to_html import report_to_html
from flexgs.report.to_json import dump_json, report_to_plain

SUFFIXES = (".json", ".html")
TAKEN = ("cameras.json", "transforms.json")  # found beside scenes and read as cameras


def ensure_report(path: Path, force: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Checks, before any work, that a report can be written to `path`.

    Raises:
        UsageError: neither .json nor .html, a name that cameras have, one of `inputs` (which need
            not exist yet), or the file cannot be written (see `ensure_output`).
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError("a report is JSON or HTML", path=path, expected="a name in .json or .html")
    if path.name.lower() in TAKEN:
        raise UsageError(
            "a report of this name would be taken for cameras",
            path=path,
            hint="choose another name",
        )
    others = list(inputs)
    if path.absolute() in {Path(other).absolute() for other in others}:
        raise UsageError(
            "the report would replace another file of this call",
            path=path,
            hint="choose another name",
        )
    ensure_output(path, force, others)


def write_report(report: Report, path: Path) -> None:
    """Writes JSON or HTML, as the name says. Replaces what is there.

    Raises:
        FlexgsError: the system refused a write.
    """
    as_html = path.suffix.lower() == ".html"
    text = report_to_html(report) if as_html else dump_json(report_to_plain(report))
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))

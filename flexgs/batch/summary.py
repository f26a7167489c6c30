# SPDX-License-Identifier: Apache-2.0
"""The table of a batch: on the terminal, as CSV, as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from flexgs.batch.model import Row
from flexgs.io import atomic_write

CSV_NAME, MARKDOWN_NAME = "summary.csv", "summary.md"
COLUMNS = ("scene", "setting", "MB", "ratio", "drop dB", "PSNR", "SSIM", "Gaussians", "s", "note")
FIELDS = (  # of the CSV, beside scene, setting, state, error, seconds, attempts
    "source_bytes",
    "bytes",
    "ratio",
    "source_gaussians",
    "gaussians",
    "reached",
    "drop_db",
    "estimate",
    "search_drop_db",
    "views",
    "psnr_original",
    "psnr",
    "ssim_original",
    "ssim",
    "psnr_renders",
    "ssim_renders",
    "evaluations",
    "compress_seconds",
    "peak_memory_bytes",
)
MEAN = "mean"
_LEGEND = (
    "MB: 10^6 bytes of the file, all included. Drop, PSNR and SSIM: on the test views (every "
    "8th), of the file as decoded, against photographs, or where a row says so an estimate from "
    "renders of the original. `journal.jsonl` has all numbers and versions."
)
_MAX_NOTE = 120  # letters of an error that a table shows; the journal has all of it


def table_rows(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Cells under `COLUMNS`: every job, then the mean of each setting that has several scenes.

    Means are those of sizes, ratios, drops, PSNR and SSIM, over scenes that succeeded; how many
    of all is said.
    """
    cells = [_cells(row) for row in rows]
    for setting in dict.fromkeys(row.setting for row in rows):
        those = [row for row in rows if row.setting == setting]
        good = [row.result for row in those if row.result is not None]
        if len(those) > 1 and good:
            note = f"of {len(good)} of {len(those)} scenes"
            seconds = fmean(row.seconds for row in those if row.result is not None)
            cells.append((MEAN, setting, *_numbers(_means(good), seconds), note))
    return cells


def write_summary(rows: Sequence[Row], folder: Path) -> None:
    """Writes summary.csv and summary.md into the folder.

    Raises:
        FlexgsError: the system refused.
    """
    for name, text in ((CSV_NAME, _to_csv(rows)), (MARKDOWN_NAME, _to_markdown(rows))):
        with atomic_write(folder / name) as file:
            file.write(text.encode("utf-8"))


def first_line(row: Row) -> str:
    """What went wrong, in a line."""
    message = "" if row.error is None else str(row.error.get("message", ""))
    line = (message.splitlines() or ["failed"])[0]
    return line if len(line) <= _MAX_NOTE else line[: _MAX_NOTE - 3] + "..."


def _cells(row: Row) -> tuple[str, ...]:
    if row.result is None:
        numbers = ("–",) * 6
        return (
            row.scene,
            row.setting,
            *numbers,
            f"{row.seconds:.1f}",
            f"FAILED: {first_line(row)}",
        )
    notes = ["target missed"] if row.missed else []
    notes += ["an estimate"] if row.result.get("estimate") else []
    notes += [f"{row.attempts} attempts"] if row.attempts > 1 else []
    return (row.scene, row.setting, *_numbers(row.result, row.seconds), ", ".join(notes))


def _numbers(values: Mapping[str, Any], seconds: float) -> tuple[str, ...]:
    size = values.get("bytes")
    ratio, drop, gaussians = (values.get(name) for name in ("ratio", "drop_db", "gaussians"))
    psnr = values.get("psnr") if values.get("psnr") is not None else values.get("psnr_renders")
    ssim = values.get("ssim") if values.get("ssim") is not None else values.get("ssim_renders")
    return (
        "–" if size is None else f"{size / 1e6:.3f}",
        "–" if ratio is None else f"{ratio:.1f}",
        "–" if drop is None else f"{drop:.3f}",
        "–" if psnr is None else f"{psnr:.2f}",
        "–" if ssim is None else f"{ssim:.4f}",
        "–" if gaussians is None else f"{gaussians:,.0f}",
        f"{seconds:.1f}",
    )


def _means(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of every number that all results have."""
    names = (
        "bytes",
        "ratio",
        "drop_db",
        "psnr",
        "psnr_renders",
        "ssim",
        "ssim_renders",
        "gaussians",
    )
    columns = {
        name: [value for result in results if isinstance(value := result.get(name), int | float)]
        for name in names
    }
    return {name: fmean(v) for name, v in columns.items() if len(v) == len(results)}


def _to_csv(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("scene", "setting", "state", *FIELDS, "seconds", "attempts", "error"))
    for row in rows:
        values = row.result or {}
        state = "failed" if row.result is None else "missed" if row.missed else "done"
        error = "" if row.error is None else row.error.get("message", "")
        numbers = ("" if values.get(name) is None else values[name] for name in FIELDS)
        ends = (f"{row.seconds:.3f}", row.attempts, error)
        writer.writerow((row.scene, row.setting, state, *numbers, *ends))
    return text.getvalue()


def _to_markdown(rows: Sequence[Row]) -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *table_rows(rows)]
    table = "\n".join(f"| {' | '.join(map(_escape, line))} |" for line in lines)
    return f"{table}\n\n{_LEGEND}\n"


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")

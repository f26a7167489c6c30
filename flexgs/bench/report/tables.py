# SPDX-License-Identifier: Apache-2.0
"""The tables of a benchmark, as text cells, for Markdown, the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from flexgs.batch import BatchScene
from flexgs.batch.summary import first_line
from flexgs.bench.curves import Found
from flexgs.bench.report.outcome import OURS, WORDS, Outcome, ViewSet
from flexgs.bench.report.reported import read_reported
from flexgs.report.model import format_bytes

NONE = "–"


@dataclass(frozen=True)
class Table:
    """Cells; the first of each row is its name."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def equal_drop_tables(outcome: Outcome, views: ViewSet) -> list[Table]:
    """For every scene and mean: what each method needs at each drop, and how often flexgs fits."""
    note = (
        "Bytes by the method's best files: ~ between two of them, log bytes as straight lines over "
        "dB. ≤: even its smallest file loses only so much. –: even its best loses more. "
        f"Behind it, how many times {OURS} fits into it."
    )
    return [
        Table(
            f"{name}: at an equal drop on the {WORDS[views]}",
            ("method", *(f"{drop:g} dB" for drop in outcome.drops)),
            _equal_drop_rows(outcome, scenes, views),
            note,
        )
        for name, scenes in outcome.groups().items()
    ]


def _equal_drop_rows(
    outcome: Outcome, scenes: Sequence[BatchScene], views: ViewSet
) -> tuple[tuple[str, ...], ...]:
    methods = outcome.plan.methods
    ours = next((method for method in methods if method.name == OURS), None)
    best = {d: outcome.size(scenes, ours, d, views) if ours else None for d in outcome.drops}
    rows = []
    for method in methods:
        found = [outcome.size(scenes, method, drop, views) for drop in outcome.drops]
        against = [None if method == ours else best[drop] for drop in outcome.drops]
        cells = (found_cell(f, b) for f, b in zip(found, against, strict=True))
        rows.append((method.title, *cells))
    return tuple(rows)


def found_cell(found: Found, ours: Found | None) -> str:
    """A cell of the table above.

    >>> found_cell(Found(5_000_000, "smallest", 0.4), Found(250_000, "interpolated", 1.0))
    '≤ 5.000 MB at 0.40 dB, 20.0x'
    >>> found_cell(Found(None, "out of reach", 0.43), None)
    '– (0.43 dB at least)'
    """
    if found.size is None:
        return NONE if found.drop_db is None else f"{NONE} ({found.drop_db:.2f} dB at least)"
    size = format_bytes(found.size)
    words = {"interpolated": f"~ {size}", "smallest": f"≤ {size} at {found.drop_db:.2f} dB"}
    cell = words.get(found.how, size)
    return cell if ours is None or not ours.size else f"{cell}, {found.size / ours.size:.1f}x"


POINT_COLUMNS = (
    "method",
    "file",
    "MB",
    "ratio",
    "drop",
    "search drop",
    "PSNR",
    "SSIM",
    "LPIPS",
    "Gaussians",
    "encode s",
    "decode s",
    "peak MB",
    "evaluations",
    "note",
)


def points_tables(outcome: Outcome) -> list[Table]:
    """Every file of every scene, as it was made; then means over scenes."""
    note = (
        "Drop, PSNR, SSIM, LPIPS: on the test views, of what was decoded from the disk. Search "
        "drop: on the views that targets are met on. Seconds and memory: of the commands' own "
        "processes, the largest of them while encoding."
    )
    tables = [
        Table(
            f"{scene.name}: all files",
            POINT_COLUMNS,
            (_original(outcome, scene), *_point_rows(outcome, scene)),
            note,
        )
        for scene in outcome.plan.scenes
    ]
    groups = {name: scenes for name, scenes in outcome.groups().items() if len(scenes) > 1}
    for name, scenes in groups.items():
        tables.append(Table(f"{name}: all files", POINT_COLUMNS, _mean_rows(outcome, scenes), note))
    return tables


def _original(outcome: Outcome, scene: BatchScene) -> tuple[str, ...]:
    """The line of the scene itself."""
    found = [row.result for job, row in outcome.pairs if job.scene == scene and row.result]
    if not found:
        return ("original", *([NONE] * (len(POINT_COLUMNS) - 2)), "")
    first, report = found[0], found[0]["report"]
    numbers = (report["psnr_original_photo"], report["ssim_original_photo"])
    quality = (_number(numbers[0], ".2f"), _number(numbers[1], ".4f"), NONE)
    size = (f"{first['source_bytes'] / 1e6:.3f}", "1.0", "0", "0")
    return ("original", "", *size, *quality, f"{first['source_gaussians']:,}", *([NONE] * 4), "")


def _point_rows(outcome: Outcome, scene: BatchScene) -> Iterable[tuple[str, ...]]:
    for job, row in outcome.pairs:
        if job.scene != scene:
            continue
        if row.result is None:
            blanks = [NONE] * (len(POINT_COLUMNS) - 3)
            yield (job.method.title, job.point.words, *blanks, f"NOT MADE: {first_line(row)}")
        else:
            yield (job.method.title, job.point.words, *_point_cells(row.result))


def _mean_rows(outcome: Outcome, scenes: Sequence[BatchScene]) -> tuple[tuple[str, ...], ...]:
    """Of every point of every method, the mean over the scenes that have it."""
    rows = []
    for method in outcome.plan.methods:
        for point in method.points(outcome.plan.setup):
            found = [
                row.result
                for job, row in outcome.pairs
                if (job.method, job.point) == (method, point) and job.scene in scenes and row.result
            ]
            if found:
                of = "" if len(found) == len(scenes) else f"of {len(found)} of {len(scenes)} scenes"
                flags = {"missed": False, "busy": False}
                cells = _point_cells({**mean_of(found), **flags})[:-1]
                rows.append((method.title, point.words, *cells, of))
    return tuple(rows)


def mean_of(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every number's mean, tables inside included; None where one is missing.

    >>> mean_of([{"a": 1, "b": {"c": 2.0}}, {"a": 3, "b": {"c": None}}])
    {'a': 2.0, 'b': {'c': None}}
    """
    means: dict[str, Any] = {}
    for name, first in results[0].items():
        values = [result[name] for result in results]
        if isinstance(first, Mapping) and name not in ("by_view", "commands"):
            means[name] = mean_of(values)
        elif all(isinstance(value, int | float) for value in values):
            means[name] = fmean(values)
        else:
            means[name] = None
    return means


def _point_cells(found: Mapping[str, Any]) -> tuple[str, ...]:
    report, encode, decode = found["report"], found["encode"], found["decode"]
    photo = report["psnr_compressed_photo"] is not None
    psnr, ssim = (report[f"{w}_compressed_photo" if photo else f"{w}_renders"] for w in _PAIR)
    peak = encode["peak_bytes"]
    notes = ["target missed"] if found["missed"] else []
    notes += ["drop estimated from renders"] if report["estimate"] else []
    notes += [f"busy machine: {found['others']:.1f} cores' other work"] if found["busy"] else []
    return (
        f"{found['bytes'] / 1e6:.3f}",
        f"{found['source_bytes'] / found['bytes']:.1f}",
        _number(report["drop_db"], ".3f"),
        _number(found["search"]["drop_db"], ".3f"),
        _number(psnr, ".2f"),
        _number(ssim, ".4f"),
        _number(report["lpips"], ".4f"),
        f"{found['gaussians']:,.0f}",
        _number(encode["seconds"], ".1f"),
        _number(decode["seconds"], ".1f"),
        NONE if peak is None else f"{peak / 1e6:.0f}",
        _number(found["evaluations"], ".3g"),
        ", ".join(notes),
    )


_PAIR = ("psnr", "ssim")


def reported_table() -> Table:
    """What papers report."""
    columns = ("method", "kind", "data set", "MB", "ratio", "PSNR", "drop", "SSIM", "LPIPS")
    rows = [
        (
            *(r.title, r.kind, r.dataset, r.mb, r.ratio, r.psnr, r.drop_db, r.ssim, r.lpips),
            f"{r.source}{'; ' if r.note else ''}{r.note}",
        )
        for r in read_reported()
    ]
    note = (
        "Reported, not measured here: by the sources, on other models (mostly INRIA's release, or "
        "models of their own), other machines. Compare drops and ratios, not PSNR. MB are 10^6 "
        "bytes, the mean over a data set's scenes."
    )
    cells = tuple(tuple(cell or NONE for cell in row) for row in rows)
    return Table("Reported by the field", (*columns, "source"), cells, note)


def missing_table(outcome: Outcome) -> Table | None:
    """Methods that could not be run here."""
    rows = tuple((title, why) for title, why in outcome.plan.unavailable.items())
    return Table("Not run here", ("method", "why"), rows) if rows else None


def to_markdown(tables: Iterable[Table]) -> str:
    """One after the other; a note stands below the last of the tables that share it."""
    parts = []
    tables = list(tables)
    for table, following in zip(tables, [*tables[1:], None], strict=True):
        lines = [table.columns, ("---",) * len(table.columns), *table.rows]
        text = "\n".join(f"| {' | '.join(map(_escape, line))} |" for line in lines)
        shared = following is not None and following.note == table.note
        parts += [f"## {table.title}", text, *([table.note] if table.note and not shared else [])]
    return "\n\n".join(parts) + "\n"


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def _number(value: float | None, form: str) -> str:
    return NONE if value is None else format(value, form)

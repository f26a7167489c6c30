# SPDX-License-Identifier: Apache-2.0
"""Ablations as tables, CSV and bar charts."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flexgs.batch import Row
from flexgs.batch.summary import first_line
from flexgs.bench.ablation.run import EVERYTHING, PROFILES, Ablation, titles
from flexgs.bench.report.plots import DPI, PAPER
from flexgs.bench.report.tables import NONE, Table, to_markdown
from flexgs.bench.report.write import write
from flexgs.report.drawing import new_figure, plot_style

CSV, MARKDOWN = "ablation.csv", "ablation.md"
COLUMNS = (
    "switched off",
    "bytes at the target",
    "change",
    "nearest file: bytes",
    "dB",
    "files",
    "Gaussians",
)
NOTE = (
    "One part alone is switched off in every row; bytes are corrected to exactly the target along "
    "the row's own line, in log bytes over dB (of two files, else with the first row's slope). "
    "Drops are measured on the search views; the test views are not looked at. Drops of near "
    "settings scatter by about 0.01 dB, and rows with them."
)


def ablation_tables(rows: Sequence[Row], ablation: Ablation) -> list[Table]:
    """One for every scene and profile."""
    found = []
    for scene in dict.fromkeys(row.scene for row in rows):
        for profile in PROFILES:
            own = rows_of(rows, scene, profile)
            if own:
                title = f"{scene}, `{profile}` profile, {ablation.target_db:g} dB"
                found.append(Table(title, COLUMNS, tuple(_cells(r, profile) for r in own), NOTE))
    return found


def rows_of(rows: Sequence[Row], scene: str, profile: str) -> list[Row]:
    """Of one table."""
    start = f"ablate.{profile}."
    return [row for row in rows if row.scene == scene and row.setting.startswith(start)]


def write_ablation(rows: Sequence[Row], ablation: Ablation, folder: Path) -> None:
    """ablation.csv, ablation.md, plots/ablation-*.svg and .png.

    Raises:
        FlexgsError: the system refused a write.
    """
    write(folder / MARKDOWN, to_markdown(ablation_tables(rows, ablation)).encode())
    write(folder / CSV, _to_csv(rows).encode())
    for scene in dict.fromkeys(row.scene for row in rows):
        for profile in PROFILES:
            own = [row.result for row in rows_of(rows, scene, profile) if row.result is not None]
            if len(own) > 1:
                stem = f"plots/ablation-{scene}-{profile}"
                for suffix, data in bar_chart(own).items():
                    write(folder / f"{stem}{suffix}", data)


def bar_chart(results: Sequence[Any]) -> dict[str, bytes]:
    """How much larger files are without each part, the largest on top; by suffix."""
    parts = [result for result in results if result["name"] != EVERYTHING]
    parts.sort(key=lambda result: result["change"])
    found = {}
    for suffix in ("svg", "png"):
        stream = io.BytesIO()
        with plot_style("ablation", PAPER.ink):
            figure, axes = new_figure(0.8 + 0.3 * len(parts))
            bars = axes.barh(
                [part["title"] for part in parts], [100 * part["change"] for part in parts]
            )
            for bar in bars:
                bar.set_color(PAPER.methods[0])
            axes.bar_label(bars, [f"{part['change']:+.1%}" for part in parts], padding=4)
            axes.margins(x=0.15)
            axes.set_xlabel("more bytes at an equal drop when switched off, %")
            metadata: dict[str, Any] = {"Date": None} if suffix == "svg" else {"Software": None}
            figure.savefig(stream, format=suffix, dpi=DPI, metadata=metadata, facecolor="white")
        found[f".{suffix}"] = stream.getvalue()
    return found


def _cells(row: Row, profile: str) -> tuple[str, ...]:
    if row.result is None:
        name = titles(profile)[row.setting.split(".", 2)[2]]
        return (name, *([NONE] * (len(COLUMNS) - 2)), f"no result: {first_line(row)}")
    found, best = row.result, row.result["nearest"]
    return (
        found["title"],
        f"{found['size_at']:,.0f}",
        f"{found['change']:+.1%}",
        f"{best['size']:,}",
        f"{best['drop_db']:.3f}",
        str(found["files"]),
        f"{found['gaussians']:,}",
    )


def _to_csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("title", "size_at", "change", "files", "gaussians", "slope")
    writer.writerow(
        ("scene", "profile", "part", *names, "nearest_bytes", "nearest_db", "seconds", "error")
    )
    for row in rows:
        _, profile, part = row.setting.split(".", 2)
        found = row.result or {}
        best = found.get("nearest", {})
        numbers = (*(found.get(name, "") for name in names), best.get("size", ""))
        error = "" if row.error is None else row.error.get("message", "")
        ends = (best.get("drop_db", ""), row.seconds, error)
        writer.writerow((row.scene, profile, part, *numbers, *ends))
    return text.getvalue()

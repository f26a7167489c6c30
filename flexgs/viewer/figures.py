# SPDX-License-Identifier: Apache-2.0
"""What a report says, as a page shows it. Reports are files from outside: nothing is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flexgs.errors import Corrupt
from flexgs.io.cameras.values import as_number, read_json
from flexgs.report.model import format_bytes
from flexgs.viewer.scene import Shown

MAX_VIEWS = 10_000
MAX_WARNINGS = 20
MAX_TEXT = 500  # letters of anything a report says in words

Rows = tuple[tuple[str, str], ...]  # what, value

_VIEW_ROWS = (
    ("drop", "drop_db", " dB"),
    ("PSNR to the original's render", "psnr_renders", " dB"),
    ("PSNR to the photograph, original", "psnr_original_photo", " dB"),
    ("PSNR to the photograph, compressed", "psnr_compressed_photo", " dB"),
    ("SSIM to the original's render", "ssim_renders", ""),
)


@dataclass(frozen=True)
class ViewFigures:
    """What one view lost."""

    name: str
    drop_db: float
    rows: Rows


@dataclass(frozen=True)
class Figures:
    """The numbers of a report."""

    rows: Rows
    views: tuple[ViewFigures, ...]  # the worst first
    warnings: tuple[str, ...] = ()
    invented: bool = False  # the views were: no file holds their cameras


def read_figures(path: str | Path, scenes: tuple[Shown, ...]) -> Figures:
    """The numbers of `compress --report R.json`, or of `evaluate --json`.

    Raises:
        UsageError: the file cannot be read.
        FormatError: it is no such report.
    """
    report = read_json(path)
    if not isinstance(report, dict):
        raise _strange(path)
    quality = report.get("report_quality", report) or {}
    if not isinstance(quality, dict) or as_number(quality.get("drop_db")) is None:
        raise _strange(path)
    warnings = [_text(each) for each in _list(report.get("warnings"))[:MAX_WARNINGS]]
    if not _is_about(report.get("output"), scenes[-1]):
        warnings.insert(0, f"the report is of another file than {scenes[-1].name}")
    return Figures(
        rows=_report_rows(report, quality),
        views=_views(_list(quality.get("views"))),
        warnings=tuple(warnings),
        invented=_text(report.get("cameras") or _first_note(quality)).find("invented") >= 0,
    )


def scene_rows(scene: Shown) -> Rows:
    """What a scene's own file says."""
    rows = [
        ("file", scene.name),
        ("format", scene.format),
        ("size", format_bytes(scene.size_bytes)),
        ("Gaussians", f"{scene.splats.n:,}"),
        ("SH degree", str(scene.splats.degree)),
    ]
    if scene.splats.model != "3dgs":
        rows.append(("model", {"mip": "antialiased", "2dgs": "flat (2DGS)"}[scene.splats.model]))
    original = as_number(scene.metadata.get("original_bytes"))
    if original is not None:
        rows.append(("made from", f"{format_bytes(original)}, {original / scene.size_bytes:.1f}x"))
    drop = as_number(scene.metadata.get("drop_db"))
    if drop is not None:
        is_estimate = scene.metadata.get("drop_from") != "photographs"
        rows.append(("drop, search views", _drop(drop, is_estimate)))
    return tuple(rows)


def pair_rows(scenes: tuple[Shown, ...]) -> Rows:
    """What two files say of each other."""
    if len(scenes) < 2:
        return ()
    first, second = scenes
    kept = second.splats.n / first.splats.n
    return (
        ("ratio", f"{first.size_bytes / second.size_bytes:.2f}"),
        ("Gaussians left", f"{kept:.1%}"),
    )


def _report_rows(report: Mapping[str, Any], quality: Mapping[str, Any]) -> Rows:
    is_estimate = quality.get("drop_source") != "measured on photographs"
    rows = [("PSNR drop", _drop(float(as_number(quality["drop_db"]) or 0.0), is_estimate))]
    for what, key, unit in _VIEW_ROWS[1:]:
        number = as_number(quality.get(key))
        if number is not None:
            rows.append((what, f"{number:.3f}{unit}"))
    for what, key in (("views", "cameras"), ("profile", "profile")):
        if isinstance(report.get(key), str):
            rows.append((what, _text(report[key])))
    return tuple(rows)


def _drop(drop_db: float, is_estimate: bool) -> str:
    return f"about {drop_db:.3f} dB, an ESTIMATE" if is_estimate else f"{drop_db:.3f} dB"


def _views(entries: list[Any]) -> tuple[ViewFigures, ...]:
    found = []
    for entry in entries[:MAX_VIEWS]:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        drop = as_number(entry.get("drop_db"))
        if drop is None:
            continue
        rows = [
            (what, f"{number:.3f}{unit}")
            for what, key, unit in _VIEW_ROWS
            if (number := as_number(entry.get(key))) is not None
        ]
        found.append(ViewFigures(_text(entry["name"]), drop, tuple(rows)))
    return tuple(sorted(found, key=lambda view: (-view.drop_db, view.name)))


def _is_about(output: object, scene: Shown) -> bool:
    """Whether the report's result can be this file; `evaluate` does not say what it looked at."""
    if not isinstance(output, dict):
        return True
    return as_number(output.get("size_bytes")) == scene.size_bytes


def _first_note(quality: Mapping[str, Any]) -> object:
    return next(iter(_list(quality.get("notes"))), "")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    """A string's start, without what JSON can spell but no page can show."""
    text = value if isinstance(value, str) else ""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")


def _strange(path: str | Path) -> Corrupt:
    return Corrupt(
        "not a report of flexgs",
        path=path,
        expected="JSON of `compress --report R.json` or of `evaluate --json`, with report views",
    )

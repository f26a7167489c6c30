# SPDX-License-Identifier: Apache-2.0
"""All numbers as CSV, and files in the layout of the 3DGS.zip survey.

Source: the survey's README (w-m/3dgs-compression-survey): results/<data set>/<scene>.csv with the
columns below; at most two submethods have a name, the others are points of its plots.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from flexgs.bench.report.outcome import Outcome, dataset_of

SURVEY = ("Submethod", "PSNR", "SSIM", "LPIPS", "Size [Bytes]", "#Gaussians")
NAMED_DB = (0.3, 1.0)  # targets whose rows the survey shows by name
_PLAIN = ("source_bytes", "bytes", "source_gaussians", "gaussians", "evaluations", "version")
_QUALITY = (
    "drop_db",
    "psnr_renders",
    "psnr_original_photo",
    "psnr_compressed_photo",
    "ssim_renders",
    "ssim_original_photo",
    "ssim_compressed_photo",
    "lpips",
    "views",
    "estimate",
)
_COST = ("seconds", "cpu_seconds", "peak_bytes")


def points_csv(outcome: Outcome) -> str:
    """A line a file, and a line with its error for each that was not made."""
    header = ["scene", "method", "title", "kind", "point", "target_db", "state", *_PLAIN, "ratio"]
    header += [f"test_{name}" for name in _QUALITY] + ["search_drop_db"]
    header += [f"{step}_{name}" for step in ("encode", "decode") for name in _COST]
    header += ["busy", "error", "encode_command", "decode_command", "measure_command"]
    lines = []
    for job, row in outcome.pairs:
        method, found = job.method, row.result or {}
        report = found.get("report", {})
        error = "" if row.error is None else row.error.get("message", "")
        state = "failed" if row.result is None else "missed" if found["missed"] else "done"
        ratio = found["source_bytes"] / found["bytes"] if found else None
        shown = found.get("commands") or (row.error or {}).get("commands") or {}
        lines.append(
            [
                *(job.scene.name, method.name, method.title, method.kind, job.point.name),
                *(job.point.target_db, state, *(found.get(name) for name in _PLAIN), ratio),
                *(report.get(name) for name in _QUALITY),
                found.get("search", {}).get("drop_db"),
                *(found.get(s, {}).get(name) for s in ("encode", "decode") for name in _COST),
                *(found.get("busy"), error),
                *("; ".join(shown.get(step, ())) for step in ("encode", "decode", "measure")),
            ]
        )
    return _to_text([header, *lines])


def survey_csvs(outcome: Outcome) -> dict[str, str]:
    """Files by their path: <method>/<data set>/<scene>.csv."""
    found = {}
    for method in outcome.plan.methods:
        for scene in outcome.plan.scenes:
            results = outcome.files(scene, method)
            if results:
                lines = [SURVEY, *(_survey_line(result) for result in results)]
                found[f"{method.name}/{dataset_of(scene.name)}/{scene.name}.csv"] = _to_text(lines)
    return found


def _survey_line(result: Mapping[str, Any]) -> Sequence[Any]:
    report, target = result["report"], result["target_db"]
    name = f" {target:g} dB" if target in NAMED_DB else ""  # the blank parts it from the method's
    psnr, ssim = (
        _first(report[f"{what}_compressed_photo"], report[f"{what}_renders"])
        for what in ("psnr", "ssim")
    )
    numbers = [None if x is None else f"{x:.6f}" for x in (psnr, ssim, report["lpips"])]
    return name, *numbers, result["bytes"], result["gaussians"]


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _to_text(lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for line in lines:
        writer.writerow("" if value is None else value for value in line)
    return text.getvalue()

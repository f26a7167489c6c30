# SPDX-License-Identifier: Apache-2.0
"""The lines that the page and the terminal share, as text."""

from __future__ import annotations

import itertools
import math

from flexgs.quality import Quality, ViewQuality
from flexgs.report.model import Report, SceneFacts, describe_target, format_bytes

QUALITY_COLUMNS = (
    "view",
    "drop dB",
    "PSNR to original render",
    "PSNR original to photo",
    "PSNR compressed to photo",
    "SSIM to original render",
    "SSIM original to photo",
    "SSIM compressed to photo",
)


def summary_rows(report: Report) -> list[tuple[str, str]]:
    """(what, value) pairs, the most important first."""
    source, output = report.source, report.output
    rows = [
        ("original", _describe_scene(source)),
        ("result", _describe_scene(output)),
        ("ratio", f"{report.ratio:.2f}"),
        ("target", describe_target(report.target) + _verdict(report)),
    ]
    for name, quality in (
        ("report views", report.report_quality),
        ("search views", report.search_quality),
    ):
        if quality is not None:
            rows.append((f"PSNR drop, {name}", describe_drop(quality)))
    rows.append(("setting", f"pruning rate {report.pruning_rate:g}, SH rate {report.sh_rate:g}"))
    rows.append(("profile", report.profile))
    if report.search and report.target is not None:
        rows.append(("search", f"{len(report.search)} evaluations; {report.search_stopped}"))
    rows.append(("views", report.cameras))
    if report.renderer is not None:
        rows.append(("renderer", report.renderer))
    if report.seconds_by_stage:
        rows.append(("time", f"{sum(report.seconds_by_stage.values()):.1f} s"))
    if report.peak_memory_bytes is not None:
        rows.append(("peak memory", format_bytes(report.peak_memory_bytes)))
    return rows


def describe_drop(quality: Quality) -> str:
    """The drop, where it is from, and the other kind where both are known."""
    count = len(quality.views)
    views = f"{count} view" if count == 1 else f"{count} views"
    if quality.is_estimate:
        return f"about {quality.drop_db:.3f} dB, an ESTIMATE from renders, {views}"
    return (
        f"{quality.drop_db:.3f} dB {quality.drop_source}, {views} "
        f"(from renders: {quality.estimated_drop_db:.3f} dB)"
    )


def describe_source(quality: Quality) -> str:
    """A sentence on where the drop is from, and what it assumes."""
    if not quality.is_estimate:
        return "The drop is measured on photographs."
    return (
        "The drop is an ESTIMATE from renders: it assumes that the original reaches "
        f"{quality.reference_psnr:.1f} dB against photographs, and that compression errs "
        "independently of that."
    )


def quality_columns(quality: Quality) -> tuple[str, ...]:
    """Names of the columns, those of photographs only where there are any."""
    return tuple(name for name in QUALITY_COLUMNS if _is_shown(name, quality))


def quality_rows(quality: Quality) -> list[tuple[str, ...]]:
    """Rows under `quality_columns`: the mean first, then views from the worst to the best."""
    rows = [_row("mean", quality), *(_row(view.name, view) for view in quality.by_drop())]
    shown = [_is_shown(name, quality) for name in QUALITY_COLUMNS]
    return [tuple(itertools.compress(row, shown)) for row in rows]


def _is_shown(column: str, quality: Quality) -> bool:
    if column.startswith("SSIM") and quality.ssim_renders is None:
        return False
    return "photo" not in column or not quality.is_estimate


def _row(name: str, row: Quality | ViewQuality) -> tuple[str, ...]:
    return (
        name,
        _number(row.drop_db, 3),
        _number(row.psnr_renders, 2),
        _number(row.psnr_original_photo, 2),
        _number(row.psnr_compressed_photo, 2),
        _number(row.ssim_renders, 4),
        _number(row.ssim_original_photo, 4),
        _number(row.ssim_compressed_photo, 4),
    )


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return "equal" if math.isinf(value) else f"{value:.{digits}f}"


def _describe_scene(scene: SceneFacts) -> str:
    size, count = format_bytes(scene.size_bytes), f"{scene.gaussians:,} Gaussians"
    return f"{scene.name}: {size}, {count}, SH degree {scene.sh_degree}"


def _verdict(report: Report) -> str:
    if report.target is None:
        return ""
    quality = report.search_quality or report.report_quality
    against_renders = quality is not None and quality.is_estimate and report.target.kind == "psnr"
    text = " against renders of the original" if against_renders else ""
    return text if report.target.reached else f"{text} - NOT reached, this is the nearest"

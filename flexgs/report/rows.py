# SPDX-License-Identifier: Apache-2.0
"""The lines that the page and the terminal share, as text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from flexgs.quality import Quality, ViewQuality
from flexgs.report.model import (
    RepairFacts,
    Report,
    SceneFacts,
    SearchStep,
    describe_target,
    format_bytes,
)

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


SEARCH_COLUMNS = (
    "number",
    "stage",
    "pruning rate",
    "SH rate",
    "bytes",
    "drop, dB",
    "seconds",
    "target",
)
LANDING_COLUMNS = ("strength", "predicted drop, dB")


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
    rows.append(("setting", _describe_setting(report)))
    rows.append(("profile", report.profile))
    if "formats" in report.plan:
        rows.append(("formats tried", _describe_formats(report.plan["formats"])))
    if report.repair is not None:
        rows.append(("repair", describe_repair(report.repair)))
    if report.search and report.target is not None:
        rows.append(("search", _describe_search(report)))
    if report.bits_by_attribute:
        rows.append(("bits a Gaussian", _describe_bits(report.bits_by_attribute)))
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


def describe_repair(repair: RepairFacts) -> str:
    """What repair bought, in one phrase.

    >>> describe_repair(RepairFacts(1.25, 0.5, ()))
    '1.250 dB on the monitor views as they were, 0.500 dB repaired'
    """
    before, after = repair.unrepaired_drop_db, repair.repaired_drop_db
    drops = f"{before:.3f} dB on the monitor views as they were, {after:.3f} dB repaired"
    if not repair.rounds:
        return drops
    count, left = len(repair.rounds), repair.rounds[-1].gaussians
    return f"{left:,} Gaussians after {count} round{'s' if count > 1 else ''}; {drops}"


def search_columns(report: Report) -> tuple[str, ...]:
    """Columns of the table of evaluations: what every profile has, then what this one has."""
    return SEARCH_COLUMNS + (LANDING_COLUMNS if _has_strengths(report) else ())


def search_rows(report: Report) -> list[tuple[str, ...]]:
    """Rows under `search_columns`."""
    rows: list[tuple[str, ...]] = []
    for step in report.search:
        row = (
            str(step.number),
            step.stage,
            f"{step.pruning_rate:.3f}",
            f"{step.sh_rate:.3f}",
            f"{step.size_bytes:,}",
            f"{step.drop_db:.4f}",
            f"{step.seconds:.2f}",
            "met" if step.accepted else "missed",
        )
        own = (f"{step.strength:.4g}", _number(step.predicted_db, 4))
        rows.append(row + own if _has_strengths(report) else row)
    return rows


def _has_strengths(report: Report) -> bool:
    return any(step.strength > 0 for step in report.search)


def _best_step(report: Report) -> SearchStep | None:
    """The evaluation that the file is from."""
    strength = report.plan.get("strength")
    return next((s for s in report.search if s.strength == strength), None)


def _describe_setting(report: Report) -> str:
    text = f"pruning rate {report.pruning_rate:.4g}, SH rate {report.sh_rate:.4g}"
    if "strength" not in report.plan:
        return text
    text = f"{text}, effort {report.plan['effort']}, strength {report.plan['strength']:.4g}"
    if "blocks" in report.plan:
        text = f"{text}, {report.plan['blocks']} blocks"
    return f"{text}, {report.plan['recipe']}" if report.plan.get("recipe") else text


def _describe_formats(formats: Mapping[str, Mapping[str, Any]]) -> str:
    """Formats by their bytes.

    >>> _describe_formats({"sog": {"size_bytes": 9000}, "spz": {"forecast_bytes": 12_345}})
    'sog 9.0 kB, spz about 12.3 kB'
    """
    parts = []
    for name, found in formats.items():
        if "size_bytes" in found:
            missed = "" if found.get("reached", True) else " (missed)"
            parts.append(f"{name} {format_bytes(found['size_bytes'])}{missed}")
        elif "forecast_bytes" in found:
            parts.append(f"{name} about {format_bytes(found['forecast_bytes'])}")
        else:
            parts.append(f"{name} not tried")
    return ", ".join(parts)


def _describe_search(report: Report) -> str:
    text = f"{len(report.search)} evaluations; {report.search_stopped}"
    best = _best_step(report)
    if best is None or best.predicted_db is None:
        return text
    return f"{text}; predicted {best.predicted_db:.3f} dB, measured {best.drop_db:.3f} dB"


def _describe_bits(bits: Mapping[str, float]) -> str:
    parts = sorted(bits.items(), key=lambda part: -part[1])
    listed = ", ".join(f"{name} {value:.1f}" for name, value in parts)
    return f"{sum(bits.values()):.1f}: {listed}"


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

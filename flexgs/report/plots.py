# SPDX-License-Identifier: Apache-2.0
"""The plots of a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from flexgs.report.drawing import ACCENT, BAD, GOOD, INK, new_figure, plot_style, to_svg
from flexgs.report.model import RepairFacts, Report, SearchStep, TargetFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_bytes(parts: Mapping[str, int]) -> str:
    """Horizontal bars, the largest part on top."""
    ordered = sorted(parts.items(), key=lambda part: part[1])
    unit, name = _unit(size for _, size in ordered)
    total = max(1, sum(parts.values()))
    with plot_style("bytes"):
        figure, axes = new_figure(0.6 + 0.32 * len(ordered))
        bars = axes.barh([name for name, _ in ordered], [size / unit for _, size in ordered])
        for bar in bars:
            bar.set_color(ACCENT)
        axes.bar_label(bars, [f"{size / total:.1%}" for _, size in ordered], padding=4)
        axes.margins(x=0.12)
        axes.set_xlabel(f"{name} in the file")
        return to_svg(figure, "Bytes by attribute; the table below has the numbers")


def plot_search(report: Report) -> str:
    """Bytes against drop of every evaluation, numbered and joined in order.

    Drops far beyond the target would squeeze all else: they stand at the right edge, with numbers.
    """
    steps, edge = report.search, _right_edge(report)
    unit, name = _unit(step.size_bytes for step in steps)
    with plot_style("search"):
        figure, axes = new_figure(3.6)
        axes.plot(*_coordinates(steps, edge, unit), color=INK, linewidth=0.6, alpha=0.4)
        for accepted, colour, marker, label in (
            (True, GOOD, "o", "meets the target"),
            (False, BAD, "X", "misses it"),
        ):
            drops, sizes = _coordinates((s for s in steps if s.accepted == accepted), edge, unit)
            axes.scatter(drops, sizes, color=colour, marker=marker, s=36, label=label)
        _number_steps(axes, steps, edge, unit)
        _draw_target(axes, report.target, unit)
        axes.set_xlabel("PSNR drop on the search views, dB")
        axes.set_ylabel(f"file, {name}")
        axes.legend()
        return to_svg(figure, "Size against PSNR drop of every setting tried, numbered in order")


def plot_rounds(repair: RepairFacts) -> str:
    """Gaussians left by round, and the drop on the monitor views before each removal."""
    numbers = range(1, len(repair.rounds) + 1)
    with plot_style("rounds"):
        figure, axes = new_figure(2.6)
        axes.plot(
            numbers,
            [r.gaussians / 1e3 for r in repair.rounds],
            color=ACCENT,
            marker="o",
            label="Gaussians",
        )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("round")
        axes.set_ylabel("thousand Gaussians left")
        drops = axes.twinx()
        drops.plot(
            numbers,
            [r.drop_db for r in repair.rounds],
            color=BAD,
            marker="X",
            linestyle="--",
            label="drop",
        )
        drops.spines["right"].set_visible(True)
        drops.set_ylabel("drop before it, dB")
        figure.legend(loc="outside upper right", ncols=2)
        return to_svg(figure, "Gaussians left and PSNR drop by round; the table has the numbers")


def _unit(sizes: Iterable[int]) -> tuple[float, str]:
    """Bytes a unit and its name, for an axis up to the largest of `sizes`."""
    return (1e6, "MB") if max(sizes, default=0) >= 1e6 else (1e3, "kB")


def _number_steps(axes: Axes, steps: Sequence[SearchStep], edge: float, unit: float) -> None:
    for step, drop, size in zip(steps, *_coordinates(steps, edge, unit), strict=True):
        beyond = step.drop_db > edge
        axes.annotate(
            f"{step.number} ({step.drop_db:.1f} dB)" if beyond else str(step.number),
            (drop, size),
            xytext=(-6 if beyond else 5, 4 if step.number % 2 else -11),
            textcoords="offset points",
            horizontalalignment="right" if beyond else "left",
        )


def _draw_target(axes: Axes, target: TargetFacts | None, unit: float) -> None:
    if target is None:
        return
    if target.limit_drop_db is not None:
        axes.axvline(target.limit_drop_db, color=ACCENT, linestyle="--", label="target")
    if target.limit_bytes is not None:
        axes.axhline(target.limit_bytes / unit, color=ACCENT, linestyle="--", label="target")


def _right_edge(report: Report) -> float:
    """The largest drop that is drawn in its place, dB."""
    best = min((s.drop_db for s in report.search if s.accepted), default=math.inf)
    limit = report.target.limit_drop_db if report.target is not None else None
    reference = limit if limit is not None else best
    if 0 < reference < math.inf:
        return 3 * reference
    return max((s.drop_db for s in report.search if math.isfinite(s.drop_db)), default=1.0)


def _coordinates(
    steps: Iterable[SearchStep], edge: float, unit: float
) -> tuple[list[float], list[float]]:
    steps = list(steps)
    return [min(step.drop_db, edge) for step in steps], [step.size_bytes / unit for step in steps]

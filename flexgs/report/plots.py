# SPDX-License-Identifier: Apache-2.0
"""Plots as inline SVG that take their colours from the page, so they suit light and dark mode."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from flexgs.report.model import RepairFacts, Report, SearchStep, TargetFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib draws with stand-ins that are then replaced by the page's CSS colours.
INK, ACCENT, GOOD, BAD = "#010203", "#010205", "#010207", "#010209"
_COLOURS = {INK: "currentColor", ACCENT: "var(--accent)", GOOD: "var(--good)", BAD: "var(--bad)"}
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def plot_bytes(parts: Mapping[str, int]) -> str:
    """Horizontal bars, the largest part on top."""
    ordered = sorted(parts.items(), key=lambda part: part[1])
    unit, name = _unit(size for _, size in ordered)
    total = max(1, sum(parts.values()))
    with _style("bytes"):
        figure, axes = _figure(0.6 + 0.32 * len(ordered))
        bars = axes.barh([name for name, _ in ordered], [size / unit for _, size in ordered])
        for bar in bars:
            bar.set_color(ACCENT)
        axes.bar_label(bars, [f"{size / total:.1%}" for _, size in ordered], padding=4)
        axes.margins(x=0.12)
        axes.set_xlabel(f"{name} in the file")
        return _to_svg(figure, "Bytes by attribute; the table below has the numbers")


def plot_search(report: Report) -> str:
    """Bytes against drop of every evaluation, numbered and joined in order.

    Drops far beyond the target would squeeze all else: they stand at the right edge, with numbers.
    """
    steps, edge = report.search, _right_edge(report)
    unit, name = _unit(step.size_bytes for step in steps)
    with _style("search"):
        figure, axes = _figure(3.6)
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
        return _to_svg(figure, "Size against PSNR drop of every setting tried, numbered in order")


def plot_rounds(repair: RepairFacts) -> str:
    """Gaussians left by round, and the drop on the monitor views before each removal."""
    numbers = range(1, len(repair.rounds) + 1)
    with _style("rounds"):
        figure, axes = _figure(2.6)
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
        return _to_svg(figure, "Gaussians left and PSNR drop by round; the table has the numbers")


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


def _style(salt: str) -> AbstractContextManager[None]:
    """The settings above, for all that draws: texts take their colour when they are made."""
    import matplotlib as mpl

    return mpl.rc_context({**_RC, "svg.hashsalt": salt})


def _figure(height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    return figure, axes


def _to_svg(figure: Figure, description: str) -> str:
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=nothing, transparent=True)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        svg = svg.replace(stand_in, colour)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" ?height="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)

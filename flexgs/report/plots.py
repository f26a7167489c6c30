# SPDX-License-Identifier: Apache-2.0
"""Plots as inline SVG that take their colours from the page, so they suit light and dark mode."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flexgs.report.model import Report, SearchStep, TargetFacts

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
    figure, axes = _figure("bytes", 0.6 + 0.32 * len(ordered))
    bars = axes.barh([name for name, _ in ordered], [size / 1e3 for _, size in ordered])
    for bar in bars:
        bar.set_color(ACCENT)
    total = max(1, sum(parts.values()))
    axes.bar_label(bars, [f" {size / total:.1%}" for _, size in ordered])
    axes.margins(x=0.12)
    axes.set_xlabel("kB in the file")
    return _to_svg(figure, "Bytes by attribute, in kilobytes; the table beside has the numbers")


def plot_search(report: Report) -> str:
    """Bytes against drop of every evaluation, numbered and joined in order.

    Drops far beyond the target would squeeze all else: they stand at the right edge, with numbers.
    """
    steps, edge = report.search, _right_edge(report)
    figure, axes = _figure("search", 3.6)
    axes.plot(*_coordinates(steps, edge), color=INK, linewidth=0.6, alpha=0.4)
    for accepted, colour, marker, label in (
        (True, GOOD, "o", "meets the target"),
        (False, BAD, "X", "misses it"),
    ):
        drops, sizes = _coordinates((s for s in steps if s.accepted == accepted), edge)
        axes.scatter(drops, sizes, color=colour, marker=marker, s=36, label=label)
    for step, drop, size in zip(steps, *_coordinates(steps, edge), strict=True):
        beyond = step.drop_db > edge
        axes.annotate(
            f"{step.number} ({step.drop_db:.1f} dB)" if beyond else str(step.number),
            (drop, size),
            xytext=(-6 if beyond else 5, 4 if step.number % 2 else -11),
            textcoords="offset points",
            horizontalalignment="right" if beyond else "left",
        )
    _draw_target(axes, report.target)
    axes.set_xlabel("PSNR drop on the search views, dB")
    axes.set_ylabel("file, MB")
    axes.legend()
    return _to_svg(figure, "Size against PSNR drop of every setting tried, numbered in order")


def _draw_target(axes: Axes, target: TargetFacts | None) -> None:
    if target is None:
        return
    if target.limit_drop_db is not None:
        axes.axvline(target.limit_drop_db, color=ACCENT, linestyle="--", label="target")
    if target.limit_bytes is not None:
        axes.axhline(target.limit_bytes / 1e6, color=ACCENT, linestyle="--", label="target")


def _right_edge(report: Report) -> float:
    """The largest drop that is drawn in its place, dB."""
    best = min((s.drop_db for s in report.search if s.accepted), default=math.inf)
    limit = report.target.limit_drop_db if report.target is not None else None
    reference = limit if limit is not None else best
    if 0 < reference < math.inf:
        return 3 * reference
    return max((s.drop_db for s in report.search if math.isfinite(s.drop_db)), default=1.0)


def _coordinates(steps: Iterable[SearchStep], edge: float) -> tuple[list[float], list[float]]:
    steps = list(steps)
    return [min(step.drop_db, edge) for step in steps], [step.size_bytes / 1e6 for step in steps]


def _figure(salt: str, height: float) -> tuple[Figure, Axes]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_RC, "svg.hashsalt": salt}):
        figure = Figure(figsize=(7.2, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
    return figure, axes


def _to_svg(figure: Figure, description: str) -> str:
    import matplotlib as mpl

    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    stream = io.StringIO()
    with mpl.rc_context({**_RC, "svg.hashsalt": description}):
        figure.savefig(stream, format="svg", metadata=nothing, transparent=True)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        svg = svg.replace(stand_in, colour)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" ?height="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)

# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion plots: bytes against what was lost, PSNR and SSIM."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexgs.batch import BatchScene
from flexgs.bench.curves import front, mean_found, size_at
from flexgs.bench.methods import ORDER
from flexgs.bench.model import Method
from flexgs.bench.report.outcome import DATASETS, Outcome
from flexgs.bench.report.reported import read_reported
from flexgs.report.drawing import INK, plot_style, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (9.6, 4.6)  # inches
DPI = 130
BEYOND = 1.6  # times the largest drop asked for: files that lose more are not drawn
STEPS = 25  # of a mean curve
# Okabe & Ito's colours, which people with any colour vision tell apart; darker or lighter by page.
LIGHT = (
    *("#0072b2", "#009e73", "#56a0d0", "#d55e00", "#b8860b"),
    *("#cc5599", "#7a5195", "#8c6d5a", "#5f6b78"),
)
DARK = (
    *("#5fb4f0", "#3ddba8", "#9ad0f5", "#ff8a4a", "#f0c04a"),
    *("#f29bc8", "#bb95d8", "#c9a58f", "#a9b4c0"),
)
MARKERS = "osD^vPX*h"
STAND_INS = tuple(f"#0203{i:02x}" for i in range(len(LIGHT)))
PAPER_INK = "#1c2024"


@dataclass(frozen=True)
class Palette:
    """Colours of a drawing."""

    ink: str
    methods: tuple[str, ...]


THEMED = Palette(INK, STAND_INS)
PAPER = Palette(PAPER_INK, LIGHT)


def css_variables(colours: Sequence[str]) -> str:
    """For a page's style: the methods' colours by number."""
    return " ".join(f"--m{i}: {colour};" for i, colour in enumerate(colours))


def plot_svg(outcome: Outcome, group: str) -> str:
    """For the page, in its colours."""
    further = {stand_in: f"var(--m{i})" for i, stand_in in enumerate(STAND_INS)}
    with plot_style(f"bench {group}", THEMED.ink):
        figure = _draw(outcome, group, THEMED)
        return to_svg(figure, f"Bytes against drop in PSNR and SSIM, {group}", further)


def plot_files(outcome: Outcome, group: str) -> dict[str, bytes]:
    """The same on white paper, as files of their own, by suffix."""
    found = {}
    for suffix, unwanted in (("svg", "Date"), ("png", "Software")):
        stream = io.BytesIO()
        with plot_style(f"bench {group}", PAPER.ink):
            figure = _draw(outcome, group, PAPER)
            metadata: dict[str, Any] = {unwanted: None}
            figure.savefig(stream, format=suffix, dpi=DPI, metadata=metadata, facecolor="white")
        found[f".{suffix}"] = stream.getvalue()
    return found


def _draw(outcome: Outcome, group: str, palette: Palette) -> Figure:
    """Inside `plot_style`."""
    from matplotlib.figure import Figure

    scenes = outcome.groups()[group]
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.patch.set_alpha(0)
    alone = len(scenes) == 1
    panels: list[Axes] = list(figure.subplots(1, 1 + alone, squeeze=False).flat)
    for axes in panels:
        axes.patch.set_alpha(0)
        axes.grid(alpha=0.25, linewidth=0.6)
    limit = BEYOND * max(outcome.drops)
    for method in outcome.plan.methods:
        style = _style(method, palette, alone)
        _line(panels[0], _drop_curve(outcome, scenes, method), limit, style, method.title)
        if alone:
            _line(panels[1], _ssim_curve(outcome, scenes[0], method), None, style, "")
    _draw_reported(panels[0], group, palette, limit)
    _label(panels[0], "drop in PSNR on the test views, dB", limit)
    if alone:
        _label(panels[1], "SSIM on the test views", None)
    if panels[0].get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def _style(method: Method, palette: Palette, dots: bool) -> dict[str, Any]:
    index = ORDER.index(method.name) % len(palette.methods) if method.name in ORDER else 0
    own = method.kind == "flexgs"
    return {
        "color": palette.methods[index],
        "marker": MARKERS[index] if dots else "",
        "linewidth": 2.0 if own else 1.2,
        "linestyle": "-" if own else "--",
        "markersize": 5.5,
    }


def _line(
    axes: Axes,
    curve: Sequence[tuple[float, float]],
    limit: float | None,
    style: dict[str, Any],
    label: str,
) -> None:
    """(bytes, quality) in order."""
    shown = [(size / 1e6, value) for size, value in curve if limit is None or value <= limit]
    if shown:
        style = style if len(shown) > 1 else {**style, "marker": style["marker"] or "o"}
        axes.plot(*zip(*shown, strict=True), label=label or "_nolegend_", **style)


def _drop_curve(
    outcome: Outcome, scenes: Sequence[BatchScene], method: Method
) -> list[tuple[float, float]]:
    """The best files of one scene; of several, the mean at drops that all of them have."""
    each = [outcome.spots(scene, method, "report") for scene in scenes]
    if len(scenes) == 1:
        return [(spot.size, spot.drop_db) for spot in front(each[0])]
    ends = [front(spots) for spots in each]
    if not all(ends):
        return []
    low, high = max(best[0].drop_db for best in ends), min(best[-1].drop_db for best in ends)
    drops = [low + (high - low) * i / (STEPS - 1) for i in range(STEPS)] if high > low else [low]
    sizes = [(mean_found([size_at(spots, drop) for spots in each]).size, drop) for drop in drops]
    return [(size, drop) for size, drop in sizes if size is not None]


def _ssim_curve(outcome: Outcome, scene: BatchScene, method: Method) -> list[tuple[float, float]]:
    """Of the files that `_drop_curve` shows."""
    kept = {(spot.size, spot.drop_db) for spot in front(outcome.spots(scene, method, "report"))}
    found = []
    limit = BEYOND * max(outcome.drops)
    for file in outcome.files(scene, method):
        report = file["report"]
        ssim = report["ssim_compressed_photo"]
        ssim = report["ssim_renders"] if ssim is None else ssim
        if (file["bytes"], report["drop_db"]) in kept and report["drop_db"] <= limit:
            found.append((float(file["bytes"]), float(ssim)))
    return sorted(found, reverse=True)


def _draw_reported(axes: Axes, group: str, palette: Palette, limit: float) -> None:
    """Published means, where the group is a whole data set."""
    name = next((d for d, scenes in DATASETS.items() if group == _whole(d, scenes)), None)
    rows = [
        row
        for row in read_reported()
        if row.dataset == name and row.drop_db and float(row.drop_db) <= limit
    ]
    for row in rows:
        at = (float(row.mb), float(row.drop_db))
        axes.plot(*at, marker="o", fillstyle="none", linestyle="none", color=palette.ink, alpha=0.6)
        axes.annotate(f"{row.title} (reported)", at, xytext=(4, 4), textcoords="offset points")


def _whole(name: str, scenes: Sequence[str]) -> str:
    return f"mean of {name} ({len(scenes)} scenes)"


def _label(axes: Axes, name: str, limit: float | None) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("MB of the file")
    axes.set_ylabel(name)
    if limit is not None:
        axes.axhline(0, linewidth=0.8, color=axes.spines["left"].get_edgecolor(), alpha=0.6)
        axes.invert_yaxis()  # better is higher

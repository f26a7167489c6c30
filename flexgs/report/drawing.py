# SPDX-License-Identifier: Apache-2.0
"""How plots are drawn: as inline SVG in the page's colours, so they suit light and dark mode."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# matplotlib draws with stand-ins that are then replaced by the page's CSS colours.
INK, ACCENT, GOOD, BAD = "#010203", "#010205", "#010207", "#010209"
COLOURS = {INK: "currentColor", ACCENT: "var(--accent)", GOOD: "var(--good)", BAD: "var(--bad)"}
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")


def plot_style(salt: str, ink: str = INK) -> AbstractContextManager[None]:
    """The settings above, for all that draws: texts take their colour when they are made."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {**_RC, **dict.fromkeys(_INKED, ink), "svg.hashsalt": salt}
    return mpl.rc_context(settings)


def new_figure(height: float) -> tuple[Figure, Axes]:
    """One pair of axes, as wide as a page, on nothing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    return figure, axes


def to_svg(figure: Figure, description: str, further: Mapping[str, str] | None = None) -> str:
    """The figure for a page; `further` stand-ins are replaced by colours, too."""
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=nothing, transparent=True)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    for stand_in, colour in {**(further or {}), **COLOURS}.items():
        svg = svg.replace(stand_in, colour)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" ?height="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)

# SPDX-License-Identifier: Apache-2.0
"""Tables of commands that have no report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from flexgs.report.model import format_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from flexgs.pipeline.facts import FileFacts


def facts_table(facts: FileFacts) -> Table:
    """A scene file: what it is, its bytes, what else it says."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.summary().items():
        table.add_row(name.replace("_", " "), escape(str(value)))
    for name, size in sorted(facts.bytes_by_attribute.items(), key=lambda part: -part[1]):
        share = size / max(1, facts.size_bytes)
        bits = f", {8 * size / facts.gaussians:.2f} bits a Gaussian" if facts.gaussians else ""
        table.add_row(f"  {name}", f"{format_bytes(size)} ({share:.1%}{bits})")
    for name, value in facts.details.items():
        table.add_row(name.replace("_", " "), escape(_phrase(value)))
    for note in facts.notes:
        table.add_row("note", escape(note))
    return table


def _phrase(value: object) -> str:
    """JSON values as people read them."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_phrase(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        if len(value) == 2 and all(isinstance(item, float) for item in value):
            return f"{value[0]:.4g}..{value[1]:.4g}"
        return " ".join(_phrase(item) for item in value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def correlation_table(
    names: Sequence[str],
    correlations: npt.NDArray[np.float64],  # (len(names), len(names))
) -> Table:
    """Spearman's rank correlation of every pair."""
    table = Table(title="Rank correlation (Spearman)", title_justify="left")
    table.add_column("score")
    for name in names:
        table.add_column(escape(name), justify="right")
    for name, row in zip(names, correlations.tolist(), strict=True):
        table.add_row(escape(name), *(f"{value:.3f}" for value in row))
    return table

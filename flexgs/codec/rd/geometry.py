# SPDX-License-Identifier: Apache-2.0
"""Geometry of one chunk: symbols <-> four payloads, each readable once those before it are.

Order: cells, opacity, the three scales, rotation, places inside the cells. Every column's steps,
guesses and contexts follow from the plan and from the columns before it, by integers only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.columns import (
    SPREADS,
    STATICS,
    Column,
)
from flexgs.quant.adaptive.cells import RANGE, count_splits, distance_features
from flexgs.quant.adaptive.directions import find_needles
from flexgs.quant.adaptive.features import FEATURE_LIMIT, step_classes
from flexgs.quant.adaptive.geometry_plan import GeometryPlan
from flexgs.quant.adaptive.levels import (
    ONE,
    TO_OCTAVES,
    fixed_steps,
    fixed_values,
    opacity_features,
)

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

FINEST_SPREAD = -8 * 16  # step class of the first spread


@dataclass(frozen=True, eq=False)
class GeometrySymbols:
    """All integers of n Gaussians in file order."""

    cells: I32  # (n, 3)
    opacity: I32  # (n,)
    scales: I32  # (n, 3) largest first
    faces: I32  # (n,)
    poles: I32  # (n, 2)
    spins: I32  # (n,)
    places: I32  # (n, 3)

    def select(self, rows: slice | npt.NDArray[np.integer]) -> GeometrySymbols:
        """The symbols of some rows."""
        return GeometrySymbols(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass
class Known:
    """What is known of the rows so far; grows column by column, alike at both sides."""

    plan: GeometryPlan
    cells: I32  # (n, 3)
    features: I32  # (n, 6); zero where not known yet
    scales: I64  # (n, 3) in 1/65536 octaves
    same_cell: I32  # (n,) 1: the row before lies in the same cell
    opacity: I64  # (n,) in 1/65536
    turns: I64  # (n, 3) a, b and c in 1/65536
    splits: I32  # (n, 3)

    @property
    def needles(self) -> npt.NDArray[np.bool_]:
        """Whether axis 1 is the pole."""
        return find_needles(self.scales)


def know_cells(plan: GeometryPlan, cells: I32) -> Known:
    """The start: only the cells are known."""
    n = len(cells)
    features = np.zeros((n, 6), np.int32, order="F")  # whole columns are used at a time
    features[:, 0] = distance_features(cells, plan.depth)
    same = np.zeros(n, np.int32)
    moved = (cells[1:] ^ cells[:-1]).T
    same[1:] = (moved[0] | moved[1] | moved[2]) == 0
    return Known(
        plan=plan,
        cells=cells,
        features=features,
        scales=np.zeros((n, 3), np.int64, order="F"),
        same_cell=same,
        opacity=np.zeros(n, np.int64),
        turns=np.zeros((n, 3), np.int64, order="F"),
        splits=np.zeros((n, 3), np.int32),
    )


def classes_of(known: Known, row: int) -> I32:
    """Step classes of a row of the plan."""
    return step_classes(known.features, known.plan.steps[row])


def _column(
    classes: I32,
    guesses: I64,
    edges: I64,
    statics: I32,
    flags: I32 | None = None,
    groups: I32 | None = None,
    lean: int = 0,
) -> Column:
    zero = np.zeros_like(classes)
    return Column(
        steps=fixed_steps(classes),
        guesses=guesses,
        edges=edges,
        spreads=_bins(classes, FINEST_SPREAD, 3, SPREADS),
        statics=statics,
        flags=zero if flags is None else flags,
        groups=zero if groups is None else groups,
        lean=lean,
    )


def guesses_of(known: Known, row: int) -> I64:
    """Expected values in 1/65536."""
    return step_classes(known.features, known.plan.guesses[row]).astype(np.int64) << TO_OCTAVES


def _bins(values: npt.NDArray[np.signedinteger], low: int, shift: int, count: int) -> I32:
    """0 .. count - 1: values from `low` in bins of 2^shift."""
    return np.asarray(np.clip((values - low) >> shift, 0, count - 1), dtype=np.int32)


def opacity_column(known: Known) -> Column:
    """x = alpha^(1/4), seen from full opacity, where many crowd."""
    whole = np.full(len(known.cells), ONE, np.int64)
    statics = _bins(known.features[:, 0], 0, 3, 8)
    return _column(classes_of(known, 0), whole, whole, statics)


def learn_opacity(known: Known, symbols: I32, steps: I64) -> None:
    """Adds what a decoded opacity tells."""
    known.opacity = fixed_values(symbols, steps)
    known.features[:, 1], known.features[:, 2] = opacity_features(known.opacity)


def scale_column(known: Known, axis: int) -> Column:
    """u of an axis: bounded by the axis before, and by the floor; axis 0 falls within a cell."""
    classes = classes_of(known, 1 + axis)
    guesses = guesses_of(known, axis)
    floor = np.full(len(classes), known.plan.floor << TO_OCTAVES, np.int64)
    if axis == 0:
        statics = _bins(-known.features[:, 2], 0, 4, STATICS)
        return _column(classes, guesses, floor, statics, flags=known.same_cell, lean=3)
    if axis == 1:
        statics = _bins(known.features[:, 3], known.plan.floor, 3, STATICS)
        return _column(classes, guesses, known.scales[:, 0], statics)
    statics = _bins(-known.features[:, 2], 0, 4, STATICS)
    return _column(classes, guesses, floor, statics)


def learn_scale(known: Known, axis: int, symbols: I32, steps: I64) -> None:
    """Adds what a decoded scale tells."""
    known.scales[:, axis] = fixed_values(symbols, steps)
    sixteenths = (known.scales[:, axis] + (1 << (TO_OCTAVES - 1))) >> TO_OCTAVES
    # also bounds features of hostile values
    known.features[:, 3 + axis] = np.clip(sixteenths, -4096, 4096)


def pole_column(known: Known, faces: I32, first: I64 | None) -> Column:
    """a, and with the values of a given b."""
    classes = classes_of(known, 4)
    groups = (faces + 3 * known.needles).astype(np.int32)
    zero = np.zeros(len(classes), np.int64)
    edges = zero if first is None else np.abs(first)
    return _column(classes, zero, edges, groups, groups=groups)


def spin_column(known: Known, faces: I32) -> Column:
    """c; what its neighbours were does not help."""
    classes = classes_of(known, 5)
    groups = (faces + 3 * known.needles).astype(np.int32)
    zero = np.zeros(len(classes), np.int64)
    alone = np.full(len(classes), -1, np.int32)
    return _column(classes, zero, zero, groups, groups=alone)


def place_splits(known: Known) -> I32:
    """How often the axes of each cell are halved."""
    return count_splits(known.cells, known.plan.depth, classes_of(known, 6))


def final_features(known: Known) -> I32:
    """Features for the colours, (n, 6)."""
    return np.clip(known.features, -FEATURE_LIMIT, FEATURE_LIMIT)


def cell_shift(plan: GeometryPlan) -> int:
    """What makes the cells of a plan non-negative."""
    return min(1 << plan.root, RANGE << plan.depth)

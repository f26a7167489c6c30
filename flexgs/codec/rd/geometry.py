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
    Column,
)
from flexgs.quant.adaptive.cells import RANGE, count_splits, distance_features
from flexgs.quant.adaptive.directions import find_needles
from flexgs.quant.adaptive.features import stack_features, step_classes
from flexgs.quant.adaptive.geometry_plan import GeometryPlan
from flexgs.quant.adaptive.levels import (
    FINEST_CLASS,
    TO_OCTAVES,
    fixed_steps,
    fixed_values,
    opacity_features,
)

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

NO_POLE = 24  # step class from which on a rotation is not worth its face
NO_TURN = 16  # step class from which on every index would be zero


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

    @property
    def needles(self) -> npt.NDArray[np.bool_]:
        """Whether axis 1 is the pole."""
        return find_needles(self.scales)


def know_cells(plan: GeometryPlan, cells: I32) -> Known:
    """The start: only the cells are known."""
    n = len(cells)
    features = np.zeros((n, 6), np.int32)
    features[:, 0] = distance_features(cells, plan.depth)
    same = np.zeros(n, np.int32)
    same[1:] = (cells[1:] == cells[:-1]).all(axis=1)
    return Known(plan, cells, features, np.zeros((n, 3), np.int64), same, np.zeros(n, np.int64))


def classes_of(known: Known, row: int) -> I32:
    """Step classes of a row of the plan."""
    return step_classes(known.features, known.plan.steps[row])


def _spreads(classes: I32) -> I32:
    return np.asarray(np.clip((classes - FINEST_CLASS) >> 3, 0, SPREADS - 1), dtype=np.int32)


def guesses_of(known: Known, row: int) -> I64:
    """Expected values in 1/65536."""
    return step_classes(known.features, known.plan.guesses[row]).astype(np.int64) << TO_OCTAVES


def _bins(values: I32, low: int, shift: int, count: int) -> I32:
    return np.asarray(np.clip((values - low) >> shift, 0, count - 1), dtype=np.int32)


def opacity_column(known: Known) -> Column:
    """x = alpha^(1/4)."""
    classes = classes_of(known, 0)
    zero = np.zeros_like(classes)
    statics = _bins(known.features[:, 0], 0, 3, 8)
    return Column(
        fixed_steps(classes), guesses_of(known, 0), _spreads(classes), statics, zero, zero
    )


def learn_opacity(known: Known, symbols: I32, steps: I64) -> None:
    """Adds what a decoded opacity tells."""
    known.opacity = fixed_values(symbols, steps)
    known.features[:, 1], known.features[:, 2] = opacity_features(known.opacity)


def scale_column(known: Known, axis: int) -> Column:
    """u of an axis; axis 0 falls within a cell, whose rows are sorted by it."""
    classes = classes_of(known, 1 + axis)
    guesses = guesses_of(known, 1 + axis)
    zero = np.zeros_like(classes)
    if axis:
        above = known.features[:, 2 + axis] - (guesses >> TO_OCTAVES).astype(np.int32)
        statics = _bins(above, -32, 3, 16)
    else:
        statics = _bins(known.features[:, 1], -64, 2, 16)
    if axis == 2:
        gap = known.features[:, 3] - known.features[:, 4]
        statics = statics + 16 * (gap > 16).astype(np.int32)
    flags = known.same_cell if axis == 0 else zero
    return Column(fixed_steps(classes), guesses, _spreads(classes), statics, flags, zero)


def learn_scale(known: Known, axis: int, symbols: I32, steps: I64) -> None:
    """Adds what a decoded scale tells."""
    known.scales[:, axis] = fixed_values(symbols, steps)
    sixteenths = (known.scales[:, axis] + (1 << (TO_OCTAVES - 1))) >> TO_OCTAVES
    # also bounds features of hostile values
    known.features[:, 3 + axis] = np.clip(sixteenths, -4096, 4096)


def pole_classes(known: Known) -> I32:
    """Step classes of both coordinates of the pole."""
    return classes_of(known, 4)


def pole_column(known: Known, faces: I32, first: I64 | None) -> Column:
    """a, and with the values of a given b."""
    classes = pole_classes(known)
    steps = np.where(classes < NO_TURN, fixed_steps(classes), 0)
    groups = (faces + 3 * known.needles).astype(np.int32)
    zero = np.zeros_like(classes)
    statics = groups if first is None else groups + 8 * _bins_of_value(first)
    return Column(steps, zero.astype(np.int64), _spreads(classes), statics, zero, groups)


def _bins_of_value(values: I64) -> I32:
    """0..3 by size, within -1..1."""
    return np.asarray(np.clip(np.abs(values) >> 14, 0, 3), dtype=np.int32)


def spin_column(known: Known, faces: I32, poles: I64) -> Column:
    """c, given the pole."""
    classes = classes_of(known, 5)
    steps = np.where(classes < NO_TURN, fixed_steps(classes), 0)
    groups = (faces + 3 * known.needles).astype(np.int32)
    zero = np.zeros_like(classes)
    statics = groups + 8 * _bins_of_value(np.abs(poles).max(axis=1))
    return Column(steps, zero.astype(np.int64), _spreads(classes), statics, zero, groups)


def place_splits(known: Known) -> I32:
    """How often the axes of each cell are halved."""
    return count_splits(known.cells, known.plan.depth, classes_of(known, 6))


def final_features(known: Known) -> I32:
    """Features for the colours, (n, 6)."""
    f = known.features
    return stack_features(f[:, 0], f[:, 1], f[:, 2], f[:, 3:])


def cell_shift(plan: GeometryPlan) -> int:
    """What makes the cells of a plan non-negative."""
    return min(1 << plan.root, RANGE << plan.depth)

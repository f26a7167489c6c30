# SPDX-License-Identifier: Apache-2.0
"""Splats -> plan and symbols of their geometry: the least error + lambda * bits.

Parameters are rounded one after the other, each where the errors made so far want it, and each to
the integer that costs least in error and bits together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.columns import Column, choose_column
from flexgs.codec.rd.geometry import (
    GeometrySymbols,
    Known,
    know_cells,
    learn_opacity,
    learn_scale,
    opacity_column,
    place_splits,
    pole_column,
    scale_column,
    spin_column,
)
from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.quant.adaptive.blocks import Targets, factor_first, factor_turned, find_targets
from flexgs.quant.adaptive.cells import (
    cell_codes,
    contract,
    find_cells,
)
from flexgs.quant.adaptive.directions import (
    dequantise_quats,
    pole_coordinates,
    pole_order,
    pole_slopes,
    spin_slopes,
    spin_targets,
    turn_errors,
)
from flexgs.quant.adaptive.features import OCTAVE
from flexgs.quant.adaptive.feedback import choose_places
from flexgs.quant.adaptive.geometry_fit import plan_geometry
from flexgs.quant.adaptive.geometry_plan import GeometryPlan
from flexgs.quant.adaptive.levels import (
    ONE,
    blurred_scales,
    blurred_slopes,
    fixed_values,
    opacity_errors,
    opacity_logits,
    scale_targets,
)

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
NO_BENDS = np.zeros(0)


def quantise_geometry(
    splats: Splats,
    fisher: npt.NDArray[np.floating],  # (n, 10, 10), see find_targets
    lam: float,  # squared error a bit
    given: tuple[GeometryPlan, int] | None = None,
) -> tuple[GeometryPlan, GeometrySymbols, I64]:  # and the order: rows of splats in file order
    """The plan and the symbols with the least error + lam * bits, in Morton order.

    Args:
        given: the plan and the blur of a scene that `splats` are a part of; None: fitted to them.

    Raises:
        SceneError: a 2-D scene, or discs without a third scale.
    """
    if splats.d != 3 or splats.model == "2dgs":
        raise SceneError(
            "the rd profile stores 3-D Gaussians with three scales",
            expected="d = 3, model 3dgs or mip",
            found=f"d = {splats.d}, model {splats.model}",
            hint="use the segment profile",
        )
    if given is None:
        plan, contracted, blur = plan_geometry(splats, fisher, lam)
    else:
        plan, blur = given
        contracted = contract(splats.means, plan.frame)
    cells = find_cells(contracted, plan.depth)
    largest = scale_targets(splats.log_scales.max(axis=1, initial=-np.inf), plan.floor)[0]
    order = np.lexsort((-largest, cell_codes(cells, plan.depth)))
    cells, contracted = cells[order], contracted[order]
    targets = find_targets(splats, fisher, plan.floor, lam, order)
    symbols, moved = _round_all(plan, cells, targets, contracted, lam, blur)
    order = order[moved]
    if given is None:
        plan = replace(plan, root=find_root(symbols.cells))
    return plan, symbols, order


def find_root(cells: I32) -> int:
    """The least `root` of a plan for such cells, (n, 3)."""
    away = np.where(cells < 0, -1 - cells, cells)
    return int(away.max(initial=0)).bit_length()


def _round_all(
    plan: GeometryPlan, cells: I32, targets: Targets, contracted: F64, lam: float, blur: int
) -> tuple[GeometrySymbols, I64]:
    n = len(cells)
    bends = np.exp2(np.array([plan.floor, blur]) / (OCTAVE / 2))
    known = know_cells(plan, cells)
    errors = np.zeros((n, 10))
    pivots, mixing = factor_first(targets)
    opacity = _round_column(opacity_column(known), targets.opacity, errors, pivots, mixing, 0, lam)
    learn_opacity(known, opacity, opacity_column(known).steps)
    errors[:, 0] = opacity_errors(opacity_logits(known.opacity), targets.opacity)
    scales = np.zeros((n, 3), np.int32)
    for axis in range(3):
        column = scale_column(known, axis)
        scales[:, axis] = _round_column(
            column, targets.scales[:, axis], errors, pivots, mixing, 1 + axis, lam, bends
        )
        learn_scale(known, axis, scales[:, axis], column.steps)
    axes, faces, pivots, mixing = factor_turned(targets, pole_order(known.needles))
    faces, poles, spins = _round_rotation(known, axes, faces, errors, pivots, mixing, lam)
    splits = place_splits(known)
    shifts = -np.einsum("nij,nj->ni", mixing[:, 3:, :7], errors[:, :7])
    octaves = np.maximum(np.where(cells < 0, -1 - cells, cells) >> plan.depth, 1) - 1
    fine = choose_places(
        contracted,
        float(plan.frame.radius) * np.exp2(octaves.astype(np.float64)),
        shifts,
        np.ascontiguousarray(pivots[:, 7:]),
        np.ascontiguousarray(mixing[:, 3:, 7:]),
        cells,
        splits,
        known.features[:, 0].copy(),
        plan.depth,
    )
    cells = (fine >> splits).astype(np.int32)
    places = (fine - (cells.astype(np.int64) << splits)).astype(np.int32)
    symbols = GeometrySymbols(cells, opacity, scales, faces, poles, spins, places)
    moved = np.lexsort((-known.scales[:, 0], cell_codes(cells, plan.depth)))
    return symbols.select(moved), moved


def _round_column(
    column: Column,
    wanted: F64,
    errors: F64,  # (n, 10), the column's are written
    pivots: F64,
    mixing: F64,
    row: int,
    lam: float,
    bends: F64 = NO_BENDS,
) -> I32:
    shift = -np.einsum("nj,nj->n", mixing[:, row, :row], errors[:, :row])
    targets = wanted + np.clip(shift, -1.0, 1.0)
    prices = pivots[:, row] / (lam * float(ONE) ** 2)
    slopes = blurred_slopes(targets, bends) if len(bends) else np.ones(len(targets))
    symbols = choose_column(column, targets * ONE, prices / slopes**2, bends)
    values = fixed_values(symbols, column.steps) / ONE
    if len(bends):
        values, wanted = blurred_scales(values, bends), blurred_scales(wanted, bends)
    errors[:, row] = np.clip((values - wanted) / slopes, -3.0, 3.0)
    return symbols


def _round_rotation(
    known: Known,
    axes: F64,  # (n, 3, 3) in `pole_order`
    faces: I32,
    errors: F64,
    pivots: F64,
    mixing: F64,  # (n, 6, 10) rows of rotation and place
    lam: float,
) -> tuple[I32, I32, I32]:
    n = len(faces)
    ab = pole_coordinates(axes[:, :, 2], faces)
    slopes = pole_slopes(axes, faces, ab)
    # the form of both turns, in a and b; b is rounded after a
    lower = mixing[:, :2, 4:6] + np.eye(2)
    form = np.einsum("nki,nk,nkj->nij", lower, pivots[:, 4:6], lower)
    form = np.einsum("nki,nkl,nlj->nij", slopes, form, slopes)
    shift = -np.einsum("nij,nj->ni", mixing[:, :2, :4], errors[:, :4])
    shift[:, 1] -= mixing[:, 1, 4] * shift[:, 0]
    shift = np.linalg.solve(slopes, np.clip(shift, -0.3, 0.3)[:, :, None])[:, :, 0]
    across = form[:, 0, 1] / form[:, 1, 1]
    prices = np.stack([form[:, 0, 0] - across * form[:, 0, 1], form[:, 1, 1]])
    prices /= lam * float(ONE) ** 2
    poles, values = np.zeros((n, 2), np.int32), np.zeros((n, 2), np.int64)
    column = pole_column(known, faces, None)
    poles[:, 0] = choose_column(column, (ab[:, 0] + shift[:, 0]) * ONE, prices[0])
    values[:, 0] = fixed_values(poles[:, 0], column.steps)
    miss = values[:, 0] / ONE - ab[:, 0] - shift[:, 0]
    column = pole_column(known, faces, values[:, 0])
    wish = ab[:, 1] + shift[:, 1] - np.clip(across * miss, -0.3, 0.3)
    poles[:, 1] = choose_column(column, wish * ONE, prices[1])
    values[:, 1] = fixed_values(poles[:, 1], column.steps)
    a, b = values[:, 0] / ONE, values[:, 1] / ONE
    c = spin_targets(axes, faces, a, b)
    errors[:, 4:7] = turn_errors(axes, dequantise_quats(faces, a, b, c))
    shift_c = -np.einsum("nj,nj->n", mixing[:, 2, :6], errors[:, :6])
    slope = spin_slopes(c)
    column = spin_column(known, faces)
    wish = c + np.clip(shift_c / slope, -0.3, 0.3)
    spins = choose_column(column, wish * ONE, pivots[:, 6] * slope**2 / (lam * float(ONE) ** 2))
    quats = dequantise_quats(faces, a, b, fixed_values(spins, column.steps) / ONE)
    errors[:, 4:7] = np.clip(turn_errors(axes, quats), -0.5, 0.5)
    return faces, poles, spins

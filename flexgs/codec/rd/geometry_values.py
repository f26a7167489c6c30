# SPDX-License-Identifier: Apache-2.0
"""Symbols -> geometry: +, -, *, /, sqrt and exact tables, so that machines agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.geometry import (
    GeometrySymbols,
    final_features,
    know_cells,
    learn_opacity,
    learn_scale,
    opacity_column,
    place_splits,
    pole_column,
    scale_column,
    spin_column,
)
from flexgs.quant.adaptive.cells import dequantise_means
from flexgs.quant.adaptive.directions import dequantise_quats, pole_order
from flexgs.quant.adaptive.geometry_plan import GeometryPlan
from flexgs.quant.adaptive.levels import ONE, fixed_values, log_scales, opacity_logits

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Decoded geometry, and what the colours' steps depend on."""

    means: F32  # (n, 3)
    log_scales: F32  # (n, 3)
    quats: F32  # (n, 4) unit
    opacity_logits: F32  # (n,)
    features: I32  # (n, 6), see stack_features


def _real(fixed: I64) -> F64:
    return np.asarray(fixed * (1.0 / ONE), dtype=np.float64)


def dequantise_geometry(plan: GeometryPlan, symbols: GeometrySymbols) -> Geometry:
    """Values of symbols, row by row: rows may be a chunk or the whole scene.

    Raises:
        Corrupt: a symbol is out of range.
    """
    known = know_cells(plan, symbols.cells)
    learn_opacity(known, symbols.opacity, opacity_column(known).steps)
    for axis in range(3):
        learn_scale(known, axis, symbols.scales[:, axis], scale_column(known, axis).steps)
    first = fixed_values(symbols.poles[:, 0], pole_column(known, symbols.faces, None).steps)
    second = fixed_values(symbols.poles[:, 1], pole_column(known, symbols.faces, None).steps)
    spins = fixed_values(symbols.spins, spin_column(known, symbols.faces).steps)
    order = pole_order(known.needles)
    return Geometry(
        means=dequantise_means(
            symbols.cells, symbols.places, place_splits(known), plan.depth, plan.frame
        ),
        log_scales=np.take_along_axis(log_scales(known.scales, plan.floor), order, axis=1),
        quats=dequantise_quats(symbols.faces, *map(_real, (first, second, spins))),
        opacity_logits=opacity_logits(known.opacity),
        features=final_features(known),
    )

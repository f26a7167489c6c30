# SPDX-License-Identifier: Apache-2.0
"""Symbols -> geometry: +, -, *, /, sqrt and exact tables, so that machines agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.geometry import GeometrySymbols, Known, final_features
from flexgs.codec.rd.geometry_chunks import know_geometry
from flexgs.quant.adaptive.cells import dequantise_means
from flexgs.quant.adaptive.directions import NEEDLE, dequantise_quats
from flexgs.quant.adaptive.geometry_plan import GeometryPlan
from flexgs.quant.adaptive.levels import ONE, log_scales, opacity_logits

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
    return value_geometry(know_geometry(plan, symbols), symbols)


def value_geometry(known: Known, symbols: GeometrySymbols) -> Geometry:
    """Values of symbols of which all is known.

    Raises:
        Corrupt: a position is out of range.
    """
    plan, scales = known.plan, log_scales(known.scales, known.plan.floor)
    return Geometry(
        means=dequantise_means(symbols.cells, symbols.places, known.splits, plan.depth, plan.frame),
        log_scales=np.where(known.needles[:, None], scales[:, NEEDLE], scales),
        quats=dequantise_quats(symbols.faces, *_real(known.turns).T),
        opacity_logits=opacity_logits(known.opacity),
        features=final_features(known),
    )

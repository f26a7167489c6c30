# SPDX-License-Identifier: Apache-2.0
"""Colours of a decoded scene: symbols -> RGB coefficients, one pass over the rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.limits import MAX_ABS_SH
from flexgs.quant.adaptive.colours import (
    DC_BITS,
    FIRST,
    LUMA,
    SECOND,
    ColourPlan,
    ColourSymbols,
    band_of,
    sh_steps,
)
from flexgs.quant.adaptive.feedback import KERNEL

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

_UNIT = np.float32(2.0**-DC_BITS)
_A, _B, _C = np.float32(LUMA), np.float32(FIRST), np.float32(SECOND)
_TWICE_C = _C + _C
_MOST = np.float32(MAX_ABS_SH)


def dequantise_colours(
    plan: ColourPlan,
    symbols: ColourSymbols,
    features: I32,  # (n, f)
    rgb: F32 | None = None,  # (n, k, 3) where to write them
) -> F32:  # (n, k, 3)
    """RGB coefficients of the decoded scene; float32 products and sums in a fixed order."""
    if rgb is None:
        n, rest = symbols.sh.shape[:2]
        rgb = np.empty((n, rest + 1, 3), dtype=np.float32)
    steps = sh_steps(plan, features, symbols.shifts)
    _fill(symbols.dc, symbols.sh, steps, band_of(plan.degree), rgb)
    return rgb


@njit(**KERNEL)
def _fill(dc: I32, sh: I16, steps: F32, bands: I64, rgb: F32) -> None:
    for i in range(len(dc)):
        _put(rgb, i, 0, dc[i, 0], dc[i, 1], dc[i, 2], _UNIT)
        for j in range(len(bands)):
            if sh[i, j, 0] or sh[i, j, 1] or sh[i, j, 2]:
                _put(rgb, i, j + 1, sh[i, j, 0], sh[i, j, 1], sh[i, j, 2], steps[i, bands[j]])
            else:
                rgb[i, j + 1, 0] = rgb[i, j + 1, 1] = rgb[i, j + 1, 2] = np.float32(0.0)


@njit(**KERNEL)
def _put(rgb: F32, i: int, j: int, a: int, b: int, c: int, step: np.float32) -> None:
    """Luma and chromas of one coefficient, times their step, as RGB."""
    luma, first, second = np.float32(a) * step, np.float32(b) * step, np.float32(c) * step
    grey = luma * _A - second * _C
    rgb[i, j, 0] = min(max(grey + first * _B, -_MOST), _MOST)
    rgb[i, j, 1] = min(max(luma * _A + second * _TWICE_C, -_MOST), _MOST)
    rgb[i, j, 2] = min(max(grey - first * _B, -_MOST), _MOST)

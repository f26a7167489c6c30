# SPDX-License-Identifier: Apache-2.0
"""Colours as integers: the transform, the steps, and back.

Colours are coded in an orthonormal luma-chroma space, in which one colour block A serves all three
channels and squared error is what it was in RGB. DC is kept in fixed point: the decoder predicts
it from neighbours with integers alone. SH coefficients are a symbol times a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.quant.adaptive.features import OCTAVE, class_steps, step_classes

I8 = npt.NDArray[np.int8]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

BANDS = 3
SHIFT_CLASSES = OCTAVE // 2
SHIFT_MAX = 8
SYMBOL_MAX = 2**15 - 1  # of an SH coefficient
DC_BITS = 20  # fractional bits of a DC value
DC_CLASSES = (-10 * OCTAVE, 7 * OCTAVE)  # steps of DC, 2^-10 to 2^7

# 1 / sqrt(3), 1 / sqrt(2), 1 / sqrt(6): the orthonormal matrix nearest to YCoCg.
LUMA, FIRST, SECOND = 0.5773502691896258, 0.7071067811865476, 0.4082482904638631
TO_LUMA_CHROMA = np.array(
    [[LUMA, LUMA, LUMA], [FIRST, 0.0, -FIRST], [-SECOND, 2 * SECOND, -SECOND]]
)

# 2^(i / 16) with 15 fractional bits
_MANTISSAS = np.array(
    [
        *(32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376),
        *(46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757),
    ],
    dtype=np.int64,
)


@dataclass(frozen=True)
class ColourPlan:
    """What a decoder must know before the symbols; a few dozen bytes a file."""

    degree: int  # 0..3
    dc: tuple[int, ...]  # coefficients of step_classes
    sh: tuple[int, ...]
    bands: tuple[int, int, int]  # sixteenths of an octave on top, by band


@dataclass(frozen=True)
class ColourSymbols:
    """Integers of every Gaussian, luma first."""

    dc: I32  # (n, 3) decoded DC, 2^DC_BITS to one unit
    sh: I16  # (n, k - 1, 3)
    shifts: I8  # (n,) how much coarser the steps are than the plan says, SHIFT_CLASSES a unit

    def select(self, rows: slice | npt.NDArray[np.integer]) -> ColourSymbols:
        """The symbols of some rows."""
        return ColourSymbols(self.dc[rows], self.sh[rows], self.shifts[rows])


def to_luma_chroma(sh: npt.NDArray[np.floating]) -> F64:  # (n, k, 3) -> (n, k, 3)
    """Any colour coefficients in the space that is coded."""
    return np.asarray(np.einsum("nkc,dc->nkd", sh, TO_LUMA_CHROMA, dtype=np.float64))


def band_of(degree: int) -> I64:  # (k - 1,)
    """Band 0..2 of each coefficient above DC (0: degree 1).

    >>> band_of(2).tolist()
    [0, 0, 0, 1, 1, 1, 1, 1]
    """
    return np.repeat(np.arange(degree), [2 * band + 3 for band in range(degree)])


def dc_classes(plan: ColourPlan, features: I32, shifts: I8) -> I32:  # (n, f), (n,) -> (n,)
    """Step classes of DC."""
    classes = step_classes(features, np.array(plan.dc, np.int32))
    classes += shifts * np.int32(SHIFT_CLASSES)
    return np.asarray(np.clip(classes, *DC_CLASSES), dtype=np.int32)


def dc_steps(classes: I32) -> I64:  # (n,) -> (n,)
    """Steps in units of 2^-DC_BITS, by integers alone.

    >>> dc_steps(np.int32([0, 16, -8])).tolist()
    [1048576, 2097152, 741456]
    """
    shift = (classes >> 4).astype(np.int64) + (DC_BITS - 15)
    mantissas = _MANTISSAS[classes & 15]
    return np.asarray((mantissas << np.maximum(shift, 0)) >> np.maximum(-shift, 0))


def sh_classes(plan: ColourPlan, features: I32, shifts: I8) -> I32:  # (n, f), (n,) -> (n,)
    """Step classes of the SH rest, before what each band adds."""
    classes = step_classes(features, np.array(plan.sh, np.int32))
    return np.asarray(classes + shifts * np.int32(SHIFT_CLASSES), dtype=np.int32)


def sh_steps(plan: ColourPlan, features: I32, shifts: I8) -> F32:  # (n, f), (n,) -> (n, 3)
    """Step of each band."""
    classes = sh_classes(plan, features, shifts)
    return class_steps(classes[:, None] + np.array(plan.bands, np.int32))

# SPDX-License-Identifier: Apache-2.0
"""How fine a Gaussian's values are stored: steps that follow from integers decoded before.

A Gaussian g = a * phi, phi of unit norm, moves the image by Q^2 / 12 in squared error for each of
its values when the amplitude a has the step Q and, with m = |a| / Q,

    size (log2 of the geometric mean of both axes)   log2(e) / m          octaves
    ratio (log2 of long over short axis)             2 log2(e) / m        octaves
    angle                                            2 / (m (rho - 1 / rho)), rho = long / short
    place, along x                                   sqrt(2) / (m sqrt((Sigma^-1)_xx))

because these are 1 / |d g / d value| (closed Gaussian integrals; the size's is what is orthogonal
to a). m is known once the amplitude is decoded, so that all finer steps cost no side information.
All that a decoder derives here is made of integers.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import log2_sixteenths
from flexgs.entropy.contexts.options import CODING, INLINED

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

OCTAVE = 256  # sizes and ratios are in 1/256 octaves
SIZE_MIN, SIZE_MAX = -2 * OCTAVE, 13 * OCTAVE  # 1/4 to 8192 pixels
RATIO_MAX = 8 * OCTAVE - 1
ANGLES_MAX = 256
TURN = 1024  # parts of half a turn
PLACE_BITS_MAX = 12
AMPLITUDE_MAX = 1 << 19  # of a symbol

# Classes, in sixteenths of an octave, of the step where m = 1 and the plan has no bias.
SIZE_CLASS, RATIO_CLASS, ANGLE_CLASS, PLACE_CLASS = 137, 153, 10, 8
STEP_CLASS_MIN, STEP_CLASS_MAX = 32, 160  # 4 to 1024 in 1/256 octaves
BIAS_CLASSES = 4  # a plan's biases are quarter octaves


def _powers(count: int, parts: int, scale: int) -> list[int]:
    """2^(i / parts) * scale, rounded, i = 0..count - 1; correctly, on every machine."""
    with localcontext() as context:
        context.prec = 40
        return [
            int((Decimal(2) ** (Decimal(i) / parts) * scale).to_integral_value())
            for i in range(count)
        ]


def _ratio_logs() -> I64:
    """16 log2(rho - 1 / rho), rounded, at the middle of each sixteenth of an octave of rho."""
    with localcontext() as context:
        context.prec = 40
        log2 = Decimal(2).ln()
        table = []
        for part in range(8 * 16):
            rho = Decimal(2) ** ((Decimal(part) + Decimal("0.5")) / 16)
            table.append(int((16 * (rho - 1 / rho).ln() / log2).to_integral_value()))
    return np.array(table, dtype=np.int64)


STEPS = np.array(_powers(STEP_CLASS_MAX + 1, 16, 1), dtype=np.int64)
RATIO_LOGS = _ratio_logs()
RATIO_POWERS = np.array(_powers(8 * 16 + 1, 16, 1 << 10), dtype=np.int64)  # 2^(i/16) * 2^10
COSINES = np.rint(np.cos(np.arange(TURN) * (np.pi / TURN)) * (1 << 24)).astype(np.int64)
SINES = np.rint(np.sin(np.arange(TURN) * (np.pi / TURN)) * (1 << 24)).astype(np.int64)
SQUARED_COSINES = (COSINES * COSINES + (1 << 37)) >> 38  # in 1/2^10


@cache
def fine_powers() -> F64:
    """(512,): 2^(i / 512) as the nearest doubles."""
    with localcontext() as context:
        context.prec = 40
        return np.array([float(Decimal(2) ** (Decimal(i) / 512)) for i in range(512)])


def exp2_parts(octaves: I64) -> F64:
    """2^(octaves / 512), from a table and a power of two: the same bits everywhere."""
    return np.asarray(np.ldexp(fine_powers()[octaves & 511], octaves >> 9))


@njit(**INLINED)
def strength_of(square: int) -> int:
    """16 log2 m, of m^2 >= 1 (0 counts as 1)."""
    return int(log2_sixteenths(max(square, 1)) >> 1)


@njit(**INLINED)
def step_of(first: int, bias: int, strength: int) -> int:
    """The step of a size or ratio in 1/256 octaves; `first` is SIZE_CLASS or RATIO_CLASS."""
    wanted = first + BIAS_CLASSES * bias - strength
    return int(STEPS[min(max(wanted, STEP_CLASS_MIN), STEP_CLASS_MAX)])


@njit(**INLINED)
def angles_of(bias: int, strength: int, ratio: int) -> int:
    """How many angles half a turn is cut into; `ratio` in 1/256 octaves, 0..RATIO_MAX."""
    if ratio == 0:
        return 1
    wanted = ANGLE_CLASS + RATIO_LOGS[ratio >> 4] + strength - BIAS_CLASSES * bias
    return int(min(STEPS[min(max(wanted, 0), 8 * 16)], ANGLES_MAX))


@njit(**INLINED)
def turn_of(angle: int, angles: int) -> int:
    """An angle's index as parts of half a turn, 0..TURN - 1."""
    return ((2 * angle * TURN + angles) // (2 * angles)) % TURN


@njit(**INLINED)
def squared_cosine(turn: int, axis: int) -> int:
    """Of the angle between the longer axis and x (0) or y (1), in 1/1024."""
    squared = int(SQUARED_COSINES[turn])
    return (1 << 10) - squared if axis else squared


@njit(**INLINED)
def place_bits(
    cell_bits: int, bias: int, strength: int, size: int, ratio: int, squared: int
) -> int:
    """Bits of one axis' place inside its cell; `squared` is its `squared_cosine`."""
    power = RATIO_POWERS[ratio >> 4]
    inverse = squared * (1 << 20) // power + ((1 << 10) - squared) * power
    spread = log2_sixteenths(max(inverse, 1)) - 20 * 16  # of (Sigma^-1)_xx at size 0
    wanted = PLACE_CLASS + BIAS_CLASSES * bias + (size >> 4) - strength - (spread >> 1)
    return int(min(max((16 * cell_bits - wanted + 8) >> 4, 0), PLACE_BITS_MAX))


@njit(**CODING)
def square_of(amplitudes: npt.NDArray[np.int32]) -> int:
    """m^2 of one Gaussian's amplitude symbols."""
    total = np.int64(0)
    for value in amplitudes:
        total += np.int64(value) * np.int64(value)
    return int(total)

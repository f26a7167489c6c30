# SPDX-License-Identifier: Apache-2.0
"""DC colours: predicted from neighbours in fixed point, coded as steps away from the prediction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import NEIGHBOURS
from flexgs.codec.rd.sh_choice.expected import magnitude
from flexgs.entropy.contexts import CODING, VALUE_MAX, code_bit, code_int
from flexgs.entropy.contexts.options import INLINED, pointer
from flexgs.quant.adaptive.colours import SHIFT_MAX

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

DC_MAX = 2**31 - 1
UNKNOWN = 1 << 22  # spread of a Gaussian without neighbours: four units
SPREADS = 24  # of the neighbours around the prediction, in half octaves of the step
SIZES = 7  # of the residual before
SIGNS = 3
LEVELS = 32  # of the step
SHIFT_ROWS = 16  # consecutive rows whose steps are shifted alike
_A_CONTEXTS = 3 * SPREADS
_B_CONTEXTS = 3 * SIZES * SIZES * SIGNS
_C_CONTEXTS = 3 * LEVELS
_SHIFTS = _A_CONTEXTS + _B_CONTEXTS + _C_CONTEXTS
_SHIFT_MIXER = 3 * 4
DC_CONTEXTS = _SHIFTS + SHIFT_ROWS + 4 + 2 * SHIFT_MAX + 1
DC_MIXERS = _SHIFT_MIXER + 2


@njit(**CODING)
def code_shifts(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    shifts: I8,  # (m,) given or decoded
) -> None:
    """Codes where the steps shift, and by how much; next to nothing in between."""
    before = 0
    a, last = _SHIFTS, _SHIFTS + SHIFT_ROWS
    for i in range(len(shifts)):
        moved = int(shifts[i] != before)
        place = a + i % SHIFT_ROWS
        if code_bit(coder, data, slots, weights, place, last, last + 1, _SHIFT_MIXER, 0, moved):
            move = int(shifts[i]) - before
            c = last + 4 + before + SHIFT_MAX
            mixer = _SHIFT_MIXER + 1
            move = code_int(coder, data, slots, weights, last + 2, last + 3, c, mixer, move)
            before = min(max(before + move, -SHIFT_MAX), SHIFT_MAX)
        shifts[i] = before


@njit(**CODING)
def code_dc(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    values: I32,  # (m, 3) given or decoded, 2^-20
    steps: I64,  # (m,) 2^-20
    levels: I32,  # (m,) 0..LEVELS - 1
    rows: I32,  # (m, NEIGHBOURS) whom to predict from
    shares: I32,  # (m, NEIGHBOURS) and their weights
    ideal: F64,  # (m, 3) what to choose values for, 2^-20; (0, 3) to take `values` as they are
) -> None:
    """Codes all rows of a chunk; with `ideal` it rounds to the nearest values, and writes them."""
    choosing = len(ideal) > 0
    guess = np.zeros(3, dtype=np.int64)
    spread = np.zeros(3, dtype=np.int64)
    # addresses: arrays would be counted up and down at every call
    known, near, parts = pointer(values), pointer(rows), pointer(shares)
    guess_, spread_ = pointer(guess), pointer(spread)
    for i in range(len(values)):
        _predict(known, i, near, parts, guess_, spread_)
        first, second = np.int64(0), np.int64(0)
        for channel in range(3):
            wide = magnitude((4 * spread[channel]) // steps[i], SPREADS - 1)
            a = channel * SPREADS + wide
            b = (channel * SIZES + magnitude(abs(first), SIZES - 1)) * SIZES
            b = (b + magnitude(abs(second), SIZES - 1)) * SIGNS + np.sign(first) + 1 + _A_CONTEXTS
            c = channel * LEVELS + levels[i] + _A_CONTEXTS + _B_CONTEXTS
            mixer = channel * 4 + min(wide // 5, 3)
            if choosing:
                off = (ideal[i, channel] - guess[channel]) / steps[i]
                residual = np.int64(np.rint(min(max(off, -VALUE_MAX), VALUE_MAX)))
            else:
                residual = (np.int64(values[i, channel]) - guess[channel]) // steps[i]
            residual = code_int(coder, data, slots, weights, a, b, c, mixer, residual)
            value = guess[channel] + residual * steps[i]
            values[i, channel] = min(max(value, -DC_MAX), DC_MAX)
            second, first = first, residual


@njit(**INLINED)
def _predict(values: I32, i: int, rows: I32, shares: I32, guess: I64, spread: I64) -> None:
    """The weighted mean of the neighbours, and three times their weighted distance from it."""
    first, last = i * NEIGHBOURS, i * NEIGHBOURS + min(i, NEIGHBOURS)
    weight = 0
    for place in range(first, last):
        weight += int(shares[place])
    for channel in range(3):
        total = 0
        for place in range(first, last):
            total += int(shares[place]) * int(values[3 * np.int64(rows[place]) + channel])
        middle = total // weight if weight else 0
        total = 0
        for place in range(first, last):
            off = abs(int(values[3 * np.int64(rows[place]) + channel]) - middle)
            total += int(shares[place]) * off
        guess[channel] = middle
        spread[channel] = 3 * total // weight if weight else UNKNOWN

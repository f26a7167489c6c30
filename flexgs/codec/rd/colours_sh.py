# SPDX-License-Identifier: Apache-2.0
"""SH rests: how many coefficients a channel has, where they are, and their values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import NEIGHBOURS
from flexgs.entropy.contexts import CODING, code_bit, code_uint

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

REST = 15  # coefficients above DC at degree 3
LEVELS = 32  # of the step
KINDS = 16
SIGN_NODE = 47
_COUNT_A = 3 * LEVELS * 4
_COUNT_B = 3 * 48
_COUNT_C = 3 * KINDS * 4
_PLACE_A = 3 * 8 * 16
_PLACE_B = 3 * REST * 4
_PLACE_C = 3 * REST * 4
_SIZE_A = 3 * REST
_SIZE_B = 3 * LEVELS
_SIZE_C = 3 * 9 * 3
_COUNT = 0
_PLACE = _COUNT + _COUNT_A + _COUNT_B + _COUNT_C
_SIZE = _PLACE + _PLACE_A + _PLACE_B + _PLACE_C
SH_CONTEXTS = _SIZE + _SIZE_A + _SIZE_B + _SIZE_C
SH_MIXERS = 9


@njit(**CODING)
def code_sh(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    symbols: I16,  # (m, k - 1, 3) given or decoded
    levels: I32,  # (m,) 0..LEVELS - 1
    kinds: I32,  # (m,) 0..KINDS - 1
    near: I32,  # (m, NEIGHBOURS)
) -> None:
    """Codes all rows of a chunk."""
    m, rest = symbols.shape[:2]
    counts = np.zeros((m, 3), dtype=np.int64)
    for i in range(m):
        for channel in range(3):
            number = 0
            for j in range(rest):
                number += int(symbols[i, j, channel] != 0)
            around = 0
            for place in range(NEIGHBOURS):
                if near[i, place] >= 0:
                    around += (2 if place == 0 else 1) * min(
                        int(counts[near[i, place], channel]), 3
                    )
            before = min(int(counts[i, 0]), 3) if channel else 0
            if channel == 2:
                before = int(counts[i, 0] > 0) + 2 * int(counts[i, 1] > 0)
            a = _COUNT + (channel * LEVELS + levels[i]) * 4 + before
            b = _COUNT + _COUNT_A + channel * 48 + min(around, 11) * 4 + before
            c = _COUNT + _COUNT_A + _COUNT_B + (channel * KINDS + kinds[i]) * 4 + before
            number = code_uint(coder, data, slots, weights, a, b, c, channel, number)
            number = min(number, rest)
            counts[i, channel] = number
            _code_places(coder, data, slots, weights, symbols, i, channel, number, near[i])
            if number:
                _code_sizes(coder, data, slots, weights, symbols, i, channel, levels[i])


@njit(**CODING)
def _code_places(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    symbols: I16,
    i: int,
    channel: int,
    number: int,
    near: I32,
) -> None:
    """Which symbols are not 0; a decoder writes 1 for these."""
    rest = symbols.shape[1]
    for j in range(rest):
        left = rest - j
        used = int(symbols[i, j, channel] != 0)
        if number == 0:
            used = 0
        elif number == left:
            used = 1
        else:
            close = 0
            for place in range(NEIGHBOURS):
                if near[place] >= 0:
                    close += int(symbols[near[place], j, channel] != 0)
            luma = int(symbols[i, j, 0] != 0) if channel else 0
            a = _PLACE + (channel * 8 + min(number, 8) - 1) * 16 + left
            b = _PLACE + _PLACE_A + (channel * REST + j) * 4 + min(number, 4) - 1
            c = _PLACE + _PLACE_A + _PLACE_B + (channel * REST + j) * 4 + min(close, 1) + 2 * luma
            used = code_bit(coder, data, slots, weights, a, b, c, 3 + channel, 0, used)
        if used != int(symbols[i, j, channel] != 0):
            symbols[i, j, channel] = used
        number -= used


@njit(**CODING)
def _code_sizes(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    symbols: I16,
    i: int,
    channel: int,
    level: int,
) -> None:
    """Values of the symbols that are not 0."""
    last = 0
    for j in range(symbols.shape[1]):
        value = int(symbols[i, j, channel])
        if value == 0:
            continue
        luma = np.sign(int(symbols[i, j, 0])) if channel else 0
        a = _SIZE + channel * REST + j
        b = _SIZE + _SIZE_A + channel * LEVELS + level
        c = _SIZE + _SIZE_A + _SIZE_B + (channel * 9 + min(last, 8)) * 3 + luma + 1
        mixer = 6 + channel
        sign = int(value < 0)
        sign = code_bit(coder, data, slots, weights, a, b, c, mixer, SIGN_NODE, sign)
        size = code_uint(coder, data, slots, weights, a, b, c, mixer, abs(value) - 1) + 1
        size = min(size, 32767)
        symbols[i, j, channel] = -size if sign else size
        last = size

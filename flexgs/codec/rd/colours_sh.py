# SPDX-License-Identifier: Apache-2.0
"""SH rests: how many coefficients a channel has, where they are, and their values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import NEIGHBOURS
from flexgs.codec.rd.sh_choice.expected import (
    BUCKETS,
    EXPECTED,
    SHIFT,
    TOTALS,
    bucket_total,
    expect_symbols,
    invert_weights,
    magnitude,
)
from flexgs.entropy.contexts import CODING, NODES
from flexgs.entropy.contexts.calls import uint_at
from flexgs.entropy.contexts.model import decide_at
from flexgs.entropy.contexts.options import INLINED, pointer

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

MEANS = 16  # of all neighbours' numbers
REST = 15  # coefficients above DC at degree 3
LEVELS = 32  # of the step
SYMBOL_MAX = 32767

# Context numbers: of the number, of a place, of a sign, of a size; three disjoint ranges each.
_COUNT_A = 0
_COUNT_B = _COUNT_A + 3 * LEVELS * 4
_COUNT_C = _COUNT_B + 3 * MEANS * 4
_SIZE_A = _COUNT_C + 3 * TOTALS * 4
_SIZE_B = _SIZE_A + 3 * REST
_SIZE_C = _SIZE_B + 3 * LEVELS
SH_CONTEXTS = _SIZE_C + 3 * 9
# Slots of places and signs, which have one node.
_PLACE_A = SH_CONTEXTS * NODES
_PLACE_B = _PLACE_A + 3 * 8 * 16
_PLACE_C = _PLACE_B + 3 * BUCKETS * 4 * 4
_SIGN_A = _PLACE_C + 3 * REST * BUCKETS * 2
_SIGN_B = _SIGN_A + 3 * 2 * BUCKETS
_SIGN_C = _SIGN_B + 3 * REST * 3
SH_BITS = _SIGN_C + 3 * 9 - _PLACE_A
SH_MIXERS = 12


@njit(**CODING)
def code_sh(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    symbols: I16,  # (m, k - 1, 3) given or decoded
    levels: I32,  # (m,) 0..LEVELS - 1
    near: I32,  # (m, NEIGHBOURS) alike ones, most alike first
    shares: I32,  # (m, NEIGHBOURS) and their weights
) -> None:
    """Codes all rows of a chunk."""
    m, rest = symbols.shape[:2]
    if rest == 0:
        return
    numbers = np.zeros((m, 3), dtype=np.int64)
    means, magnitudes = np.empty(EXPECTED, np.int32), np.empty(EXPECTED, np.int32)
    # addresses: arrays would be counted up and down at every call
    r, d, s, w = pointer(coder), pointer(data), pointer(slots), pointer(weights)
    values, rows, parts = pointer(symbols), pointer(near), pointer(shares)
    counts, signed, sizes = pointer(numbers), pointer(means), pointer(magnitudes)
    for i in range(m):
        inverse = invert_weights(i, rows, parts)
        level = np.int64(levels[i])
        expect_symbols(values, counts, i, rows, parts, inverse, 3 * rest, signed, sizes)
        for channel in range(3):
            own = 3 * rest * i + channel
            number = _count(values, own, rest)
            before = _before(counts, i, channel)
            mean = _mean_number(counts, i, channel, rows, parts, inverse)
            total = bucket_total(sizes, channel, 3 * rest)
            a = _COUNT_A + (channel * LEVELS + level) * 4 + before
            b = _COUNT_B + (channel * MEANS + mean) * 4 + before
            c = _COUNT_C + (channel * TOTALS + total) * 4 + before
            number = min(uint_at(r, d, s, w, a, b, c, channel, number), rest)
            counts[3 * i + channel] = number
            if number:
                _code_places(r, d, s, w, values, own, rest, channel, number, sizes)
                _code_values(r, d, s, w, values, own, rest, channel, level, signed)


@njit(**INLINED)
def _count(symbols: I16, own: int, rest: int) -> int:
    """How many are not 0."""
    number = 0
    for j in range(rest):
        number += int(symbols[own + 3 * j] != 0)
    return number


@njit(**INLINED)
def _before(counts: I64, i: int, channel: int) -> int:
    """What the channels before say, 0..3."""
    if channel == 2:
        return int(counts[3 * i] > 0) + 2 * int(counts[3 * i + 1] > 0)
    return min(int(counts[3 * i]), 3) if channel else 0


@njit(**INLINED)
def _mean_number(counts: I64, i: int, channel: int, near: I32, shares: I32, inverse: int) -> int:
    """The weighted mean of the neighbours' numbers, as a bucket."""
    total = 0
    for place in range(i * NEIGHBOURS, (i + 1) * NEIGHBOURS):
        row = int(near[place])
        if row >= 0:
            total += int(shares[place]) * int(counts[3 * row + channel])
    return int(magnitude((total * inverse) >> SHIFT, MEANS - 1))


@njit(**INLINED)
def _share(size: int, later: int) -> int:
    """How much of what is still expected is expected here: all, most, some, little."""
    if later == 0:
        return 0
    if size >= later:
        return 1
    return 2 if 4 * size >= later else 3


@njit(**INLINED)
def _code_places(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    symbols: I16,  # where a decoder finds one that is not 0 it writes 1
    own: int,  # the first one; the channel's are 3 apart
    rest: int,
    channel: int,
    number: int,
    sizes: I32,  # what the neighbours expect
) -> None:
    later = 0
    for j in range(rest):
        later += int(sizes[3 * j + channel])
    for j in range(rest):
        left = rest - j
        if number == 0:
            return
        size = int(sizes[3 * j + channel])
        later -= size
        used = 1
        if number < left:
            expected = magnitude(size, BUCKETS - 1)
            both = int(symbols[own + 3 * j - channel] != 0) if channel else 0
            used = int(symbols[own + 3 * j] != 0)
            few = min(number, 4) - 1
            a = _PLACE_A + (channel * 8 + min(number, 8) - 1) * 16 + left
            b = ((channel * BUCKETS + expected) * 4 + few) * 4
            b += _PLACE_B + _share(size, later)
            c = _PLACE_C + ((channel * REST + j) * BUCKETS + expected) * 2 + both
            used = decide_at(coder, data, slots, weights, a, b, c, (3 + channel) * NODES, used)
        if used != int(symbols[own + 3 * j] != 0):
            symbols[own + 3 * j] = used
        number -= used


@njit(**INLINED)
def _code_values(
    coder: U64,
    data: U8,
    slots: U32,
    weights: I32,
    symbols: I16,
    own: int,
    rest: int,
    channel: int,
    level: int,
    signed: I32,  # what the neighbours expect
) -> None:
    """Signs and sizes of the symbols that are not 0."""
    last = 0
    for j in range(rest):
        value = int(symbols[own + 3 * j])
        if value == 0:
            continue
        both = int(np.sign(int(symbols[own + 3 * j - channel]))) + 1 if channel else 1
        expected = int(signed[3 * j + channel])
        side = int(np.sign(expected)) + 1
        bucket = magnitude(abs(expected), BUCKETS - 1)
        bucket = bucket if side else 2 * BUCKETS - 1 - bucket
        a = _SIGN_A + channel * 2 * BUCKETS + bucket
        b = _SIGN_B + (channel * REST + j) * 3 + side
        c = _SIGN_C + channel * 9 + side * 3 + both
        sign = int(value < 0)
        sign = decide_at(coder, data, slots, weights, a, b, c, (6 + channel) * NODES, sign)
        a = _SIZE_A + channel * REST + j
        b = _SIZE_B + channel * LEVELS + level
        c = _SIZE_C + channel * 9 + min(last, 8)
        size = abs(value) - 1
        size = uint_at(coder, data, slots, weights, a, b, c, 9 + channel, size) + 1
        last = min(size, SYMBOL_MAX)
        symbols[own + 3 * j] = -last if sign else last

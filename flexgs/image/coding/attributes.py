# SPDX-License-Identifier: Apache-2.0
"""Everything but the cells, Gaussian by Gaussian: amplitude, size, ratio, angle, place.

What is expected comes from near Gaussians decoded before and from the Gaussian's own earlier
values. All of it is integers; docs/format.md has every context.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import log2_sixteenths
from flexgs.entropy.contexts import CODING
from flexgs.entropy.contexts.coder import transmit
from flexgs.entropy.contexts.options import INLINED, pointer
from flexgs.entropy.contexts.tables import PROBABILITY_BITS
from flexgs.image.coding.calls import Stream, int_in, uint_in
from flexgs.image.coding.near import CROWD, NEAR, crowding, find_near
from flexgs.image.coding.steps import (
    RATIO_CLASS,
    SIZE_CLASS,
    angles_of,
    place_bits,
    square_of,
    squared_cosine,
    step_of,
    strength_of,
    turn_of,
)
from flexgs.image.coding.symbols import ratio_of, size_of

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

HALF = 1 << 15
RATIO, DEVIATION, KNOWN = range(3)  # columns of `known`, what has been derived of a row

# Numbers of contexts: three opinions on each value, one after the other.
LUMA_A, LUMA_B, LUMA_C = 16 * 8, 15, 16
CHROMA_A, CHROMA_B, CHROMA_C = 15 * 15, 15 * 4, 12 * 3
SIZE_A, SIZE_B, SIZE_C = 16 * 4, 16 * 7, 16 * 3
RATIO_A, RATIO_B, RATIO_C = 16 * 5, 12 * 4, 12
LUMA = 0
CHROMA = LUMA + LUMA_A + LUMA_B + LUMA_C
SIZES = CHROMA + 3 * (CHROMA_A + CHROMA_B + CHROMA_C)
RATIOS = SIZES + SIZE_A + SIZE_B + SIZE_C
ATTRIBUTE_CONTEXTS = RATIOS + RATIO_A + RATIO_B + RATIO_C
MIX_SIZE, MIX_RATIO = 4, 8
ATTRIBUTE_MIXERS = 12


class Rows(NamedTuple):
    """The integers of `Symbols`, read or written."""

    cells: I32
    amplitudes: I32
    sizes: I32
    ratios: I32
    angles: I32
    places: I32


@njit(**INLINED)
def magnitude(v: int, most: int) -> int:
    """v up to 3, then twice the bits dropped to get below 4, plus the rest; at most `most`."""
    bucket, dropped = v, 0
    while bucket > 3:
        bucket >>= 1
        dropped += 1
    return int(min(bucket + 2 * dropped, most))


@njit(**INLINED)
def signed(v: int, most: int) -> int:
    """`magnitude` with its sign, 0..2 most."""
    return int(most + magnitude(v, most) if v >= 0 else most - magnitude(-v, most))


@njit(**INLINED)
def limited(v: int, low: int, high: int) -> int:
    """v within low..high."""
    return int(min(max(v, low), high))


@njit(**INLINED)
def rounded(v: int, step: int) -> int:
    """v / step to the nearest integer, halves up."""
    return int((2 * v + step) // (2 * step))


@njit(**CODING)
def _code_luma(stream: Stream, amplitudes: I32, i: int, near: I64, spacing: int) -> None:
    size, mean, total = 0, 0, 0
    for k in range(len(near)):
        weight, value = NEAR + 1 - k, int(amplitudes[near[k], 0])
        size += weight * abs(value)
        mean += weight * value
        total += weight
    total = max(total, 1)
    level = 2 * size // total
    a = LUMA + spacing * 8 + magnitude(level, 7)
    b = LUMA + LUMA_A + signed(rounded(2 * mean, total), 7)
    c = LUMA + LUMA_A + LUMA_B + magnitude(level, 15)
    amplitudes[i, 0] = int_in(stream, a, b, c, 0, amplitudes[i, 0])


@njit(**CODING)
def _code_chroma(stream: Stream, amplitudes: I32, i: int, near: I64, channel: int) -> None:
    """Any channel after the first."""
    size, mean, total, slope, power = 0, 0, 0, 0, 1
    for k in range(len(near)):
        weight = NEAR + 1 - k
        value, luma = int(amplitudes[near[k], channel]), int(amplitudes[near[k], 0])
        size += weight * abs(value)
        mean += weight * value
        slope += weight * value * luma
        power += weight * luma * luma
        total += weight
    total = max(total, 1)
    own = int(amplitudes[i, 0])
    guess = 2 * own * slope // power
    before = int(amplitudes[i, channel - 1]) if channel > 1 else 0
    first = CHROMA + (channel - 1) * (CHROMA_A + CHROMA_B + CHROMA_C)
    a = first + signed(own, 7) * 15 + signed(before, 7)
    b = first + CHROMA_A + signed(guess, 7) * 4 + magnitude(abs(own), 3)
    way = limited(rounded(2 * mean, total), -1, 1) + 1
    c = first + CHROMA_A + CHROMA_B + magnitude(2 * size // total, 11) * 3 + way
    amplitudes[i, channel] = int_in(stream, a, b, c, channel, amplitudes[i, channel])


@njit(**CODING)
def _usual_deviation(known: I64, near: I64, memory: int) -> int:
    """How sizes near by differ from what the crowd says."""
    total, mean = 0, 0
    for k in range(len(near)):
        mean += (NEAR + 1 - k) * known[near[k], DEVIATION]
        total += NEAR + 1 - k
    return int(mean // total) if total else memory


@njit(**INLINED)
def fineness(step: int) -> int:
    """Half octaves of a step, from 4 in 1/256 octaves on; 0..15."""
    return int(limited((log2_sixteenths(step) - 24) >> 3, 0, 15))


@njit(**CODING)
def _code_size(
    stream: Stream, wanted: int, past: int, drift: int, step: int, level: int, symbol: int
) -> int:
    base = rounded(wanted, step)
    offset = limited((4 * (wanted - base * step) + 2 * step) // step, 0, 3)
    fine = fineness(step)
    a = SIZES + fine * 4 + offset
    b = SIZES + SIZE_A + fine * 7 + limited(rounded(past, step), -3, 3) + 3
    c = SIZES + SIZE_A + SIZE_B + level * 3 + limited(drift // 64, -1, 1) + 1
    return int(int_in(stream, a, b, c, MIX_SIZE + fine // 4, symbol - base) + base)


@njit(**CODING)
def _code_ratio(stream: Stream, known: I64, near: I64, step: int, away: int, symbol: int) -> int:
    total, mean = 1, 0
    for k in range(len(near)):
        mean += (NEAR + 1 - k) * known[near[k], RATIO]
        total += NEAR + 1 - k
    fine = fineness(step)
    a = RATIOS + fine * 5 + limited((away + 32) >> 6, -2, 2) + 2
    b = RATIOS + RATIO_A + magnitude(2 * mean // (total * step), 11) * 4 + fine // 4
    past = known[near[0], RATIO] // step if len(near) else 0
    c = RATIOS + RATIO_A + RATIO_B + magnitude(past, 11)
    return int(uint_in(stream, a, b, c, MIX_RATIO + fine // 4, symbol))


@njit(**CODING)
def _code_angle(stream: Stream, count: int, symbol: int) -> int:
    """One of `count` angles, all as likely: neighbours know nothing of them."""
    r, d = pointer(stream.coder), pointer(stream.data)
    low, high = np.int64(0), np.int64(count)
    while high - low > 1:
        middle = (low + high) >> 1
        chance = ((high - middle) << PROBABILITY_BITS) // (high - low)
        if transmit(r, d, chance, np.int64(symbol >= middle)):
            low = middle
        else:
            high = middle
    return int(low)


@njit(**CODING)
def _code_place(stream: Stream, bits: int, value: int) -> int:
    """Bits as they are, from the top one down."""
    r, d = pointer(stream.coder), pointer(stream.data)
    got = np.int64(0)
    for place in range(bits - 1, -1, -1):
        got = 2 * got + transmit(r, d, HALF, np.int64((value >> place) & 1))
    return int(got)


@njit(**CODING)
def _code_row(
    stream: Stream, plan: I64, rows: Rows, i: int, near: I64, room: int, known: I64, memory: int
) -> tuple[int, int]:
    """One Gaussian; what was expected of its size, and by how much it missed the usual."""
    spacing = limited((room + 32 * plan[4]) >> 4, 0, 15)
    _code_luma(stream, rows.amplitudes, i, near, spacing)
    for channel in range(1, rows.amplitudes.shape[1]):
        _code_chroma(stream, rows.amplitudes, i, near, channel)
    strength = strength_of(square_of(rows.amplitudes[i]))
    crowd = 8 * room + 256 * plan[4]
    usual = _usual_deviation(known, near, memory)
    wanted = crowd + ((usual + memory) >> 1)
    past = known[near[0], DEVIATION] - memory if len(near) else 0
    step = step_of(SIZE_CLASS, plan[0], strength)
    level = min(strength >> 3, 15)
    rows.sizes[i] = _code_size(stream, wanted, past, usual - memory, step, level, rows.sizes[i])
    size = size_of(rows.sizes[i], step)
    away = size - crowd - memory
    step = step_of(RATIO_CLASS, plan[1], strength)
    rows.ratios[i] = _code_ratio(stream, known, near, step, away, rows.ratios[i])
    ratio = ratio_of(rows.ratios[i], step)
    known[i, RATIO], known[i, DEVIATION] = ratio, size - crowd
    count = angles_of(plan[2], strength, ratio)
    rows.angles[i] = _code_angle(stream, count, rows.angles[i])
    turn = turn_of(rows.angles[i], count)
    for axis in range(2):
        bits = place_bits(plan[4], plan[3], strength, size, ratio, squared_cosine(turn, axis))
        rows.places[i, axis] = _code_place(stream, bits, rows.places[i, axis])
    return int(wanted), int(away)


@njit(**CODING)
def code_attributes(
    stream: Stream,
    plan: I64,  # (5,) of `plan_integers`
    rows: Rows,  # in the order of files
    guesses: I64,  # (n,) or empty: filled with what sizes were expected, in 1/256 octaves
) -> None:
    """Encodes or decodes all rows; see the module."""
    cells = rows.cells
    known = np.zeros((len(cells), KNOWN), np.int64)
    squares, nearest = np.zeros(NEAR, np.int64), np.zeros(NEAR, np.int64)
    crowd, others = np.zeros(CROWD, np.int64), np.zeros(CROWD, np.int64)
    memory = np.int64(0)
    for i in range(len(cells)):
        near = nearest[: find_near(cells, i, squares, nearest)]
        room = crowding(cells, i, crowd, others)
        wanted, away = _code_row(stream, plan, rows, i, near, room, known, memory)
        if len(guesses):
            guesses[i] = wanted
        memory += away >> 4

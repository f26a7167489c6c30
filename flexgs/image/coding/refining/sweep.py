# SPDX-License-Identifier: Apache-2.0
"""One Gaussian after the other is given the integers that are best while all others stay.

A trial is a shape one step away in one value. Its best amplitude is a projection of the residual,
rounded by what it costs; as an amplitude decides about the other steps, the shape is then stored
anew. Judged is the squared error, exactly but for the clamping to 0..1, + price * bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts.options import CODING, INLINED
from flexgs.image.coding.refining.project import RATIO, SHAPE, SIZE, TURN_PLACE, X, add, measure
from flexgs.image.coding.steps import (
    RATIO_CLASS,
    SIZE_CLASS,
    TURN,
    angles_of,
    place_bits,
    squared_cosine,
    step_of,
    strength_of,
    turn_of,
)
from flexgs.image.coding.symbols import ratio_of, size_of

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

AMPLITUDES = 128  # symbols beyond it cost what this one does, and two bits an octave
RESIDUALS = 24
RATIOS = 24
LEVELS = 16
MOVES = 2 * SHAPE + 1
ROOT_PI = 1.7724538509055159

SIZE_SYMBOL, RATIO_SYMBOL, ANGLE_SYMBOL, FINE, BITS, SYMBOLS = 0, 1, 2, 3, 5, 7


class Market(NamedTuple):
    """What everything costs."""

    plan: I64  # (5,) of `plan_integers`
    sides: I64  # (2,) pixels of the grid, its margin with it
    border: float  # pixels of the margin
    step: float  # Q
    price: float  # of a bit, in squared error
    fixed_bits: float  # of a Gaussian's cell
    amplitudes: F64  # (channels, 2 AMPLITUDES + 1) bits
    sizes: F64  # (2 RESIDUALS + 1,) bits by the distance from the coder's guess
    ratios: F64  # (LEVELS, RATIOS + 1) bits


@njit(**INLINED)
def scale_of(market: Market, size: float) -> float:
    """The colour that an amplitude symbol of 1 stands for."""
    return float(market.step / (ROOT_PI * 2.0 ** (size / 256.0)))


@njit(**INLINED)
def strength_of_symbols(amplitude: I64) -> int:
    """Of one Gaussian."""
    square = np.int64(0)
    for value in amplitude:
        square += value * value
    return int(strength_of(square))


@njit(**CODING)
def _amplitude_bits(market: Market, channel: int, symbol: int) -> float:
    if abs(symbol) <= AMPLITUDES:
        return float(market.amplitudes[channel, symbol + AMPLITUDES])
    place = 2 * AMPLITUDES if symbol > 0 else 0
    return float(market.amplitudes[channel, place] + 2.0 * np.log2(abs(symbol) / AMPLITUDES))


@njit(**CODING)
def _choose_amplitude(market: Market, sums: F64, scale: float, chosen: I64) -> None:
    """The symbols with the least error + price * bits for a shape that agrees like `sums`."""
    channels = len(chosen)
    power = sums[channels] * scale * scale
    for k in range(channels):
        wanted = sums[k] * scale / power if power > 0.0 else 0.0
        near = np.int64(np.floor(wanted + 0.5))
        best = np.inf
        for trial in range(-1, 3):
            candidate = near + trial if trial < 2 else np.int64(0)
            miss = candidate - wanted
            cost = power * miss * miss + market.price * _amplitude_bits(market, k, candidate)
            if cost < best:
                best = cost
                chosen[k] = candidate


@njit(**CODING)
def _cost_of_amplitude(market: Market, sums: F64, scale: float, chosen: I64) -> float:
    """Error against that without the Gaussian, + price * bits."""
    channels = len(chosen)
    power = sums[channels] * scale * scale
    cost = 0.0
    for k in range(channels):
        cost += chosen[k] * (chosen[k] * power - 2.0 * scale * sums[k])
        cost += market.price * _amplitude_bits(market, k, chosen[k])
    return cost


@njit(**CODING)
def store(
    market: Market, strength: int, wanted: F64, guess: int, shape: F64, symbols: I64
) -> float:
    """The shape and its symbols nearest to `wanted`; returns its bits."""
    plan = market.plan
    step = step_of(SIZE_CLASS, plan[0], strength)
    symbols[SIZE_SYMBOL] = np.int64(np.floor(wanted[SIZE] / step + 0.5))
    size = size_of(symbols[SIZE_SYMBOL], step)
    away = symbols[SIZE_SYMBOL] - (2 * guess + step) // (2 * step)
    bits = market.sizes[min(max(away, -RESIDUALS), RESIDUALS) + RESIDUALS]
    step = step_of(RATIO_CLASS, plan[1], strength)
    symbols[RATIO_SYMBOL] = max(np.int64(np.floor(wanted[RATIO] / step + 0.5)), np.int64(0))
    ratio = ratio_of(symbols[RATIO_SYMBOL], step)
    bits += market.ratios[min(strength >> 3, LEVELS - 1), min(symbols[RATIO_SYMBOL], RATIOS)]
    count = angles_of(plan[2], strength, ratio)
    symbols[ANGLE_SYMBOL] = np.int64(np.floor(wanted[TURN_PLACE] * count / TURN + 0.5)) % count
    turn = turn_of(symbols[ANGLE_SYMBOL], count)
    bits += np.log2(count)
    shape[SIZE], shape[RATIO], shape[TURN_PLACE] = size, ratio, turn
    for axis in range(2):
        places = place_bits(plan[4], plan[3], strength, size, ratio, squared_cosine(turn, axis))
        bits += places
        unit = 2.0 ** (plan[4] - places)
        most = market.sides[axis] / unit - 2.0**-6
        fine = np.floor(min(max((wanted[X + axis] + market.border) / unit, 0.0), most))
        symbols[FINE + axis], symbols[BITS + axis] = np.int64(fine), places
        shape[X + axis] = (fine + 0.5) * unit - market.border
    return float(bits)


@njit(**CODING)
def _move(market: Market, strength: int, move: int, shape: F64) -> None:
    """One step of one value, up or down."""
    plan, which, way = market.plan, move // 2, 1 - 2 * (move & 1)
    if which == SIZE:
        shape[SIZE] += way * step_of(SIZE_CLASS, plan[0], strength)
    elif which == RATIO:
        shape[RATIO] += way * step_of(RATIO_CLASS, plan[1], strength)
    elif which == TURN_PLACE:
        count = angles_of(plan[2], strength, int(shape[RATIO]))
        shape[TURN_PLACE] = (shape[TURN_PLACE] + way * TURN / count) % TURN
    else:
        squared = squared_cosine(int(shape[TURN_PLACE]), which - X)
        size, ratio = int(shape[SIZE]), int(shape[RATIO])
        bits = place_bits(plan[4], plan[3], strength, size, ratio, squared)
        shape[which] += way * 2.0 ** (plan[4] - bits)


@njit(**CODING)
def _judge(
    market: Market,
    residual: F32,
    strength: int,
    wanted: F64,
    guess: int,
    sums: F64,
    shape: F64,
    symbols: I64,
    chosen: I64,
) -> float:
    """The cost of a trial; `shape`, `symbols` and `chosen` are what it would store."""
    bits = store(market, strength, wanted, guess, shape, symbols)
    measure(residual, shape, sums)
    _choose_amplitude(market, sums, scale_of(market, shape[SIZE]), chosen)
    own = strength_of_symbols(chosen)
    if own != strength:
        bits = store(market, own, wanted, guess, shape, symbols)
        measure(residual, shape, sums)
    cost = _cost_of_amplitude(market, sums, scale_of(market, shape[SIZE]), chosen)
    return float(cost + market.price * (bits + market.fixed_bits))


@njit(**CODING)
def sweep(
    market: Market,
    residual: F32,  # (h, w, c) luma and chromas: target - picture; kept up to date
    guesses: I64,  # (n,) of sizes in 1/256 octaves
    shapes: F64,  # (n, SHAPE) as stored
    amplitudes: I32,  # (n, c)
    stored: I64,  # (n, SYMBOLS) symbols of the shapes
) -> int:
    """One pass over all; returns how many values changed. What is of no use loses its amplitude."""
    channels = residual.shape[2]
    sums, colors = np.zeros(channels + 1), np.zeros(channels)
    wanted, shape, best = np.zeros(SHAPE), np.zeros(SHAPE), np.zeros(SHAPE)
    symbols, best_symbols = np.zeros(SYMBOLS, np.int64), np.zeros(SYMBOLS, np.int64)
    chosen, own = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    changed = 0
    for i in range(len(shapes)):
        own[:] = amplitudes[i]
        strength = strength_of_symbols(own)
        colors[:] = own * scale_of(market, shapes[i, SIZE])
        add(residual, shapes[i], colors)
        least, kept = 0.0, False  # what it costs to leave it out
        for move in range(-1, MOVES - 1):
            wanted[:] = shapes[i]
            if move >= 0:
                _move(market, strength, move, wanted)
            cost = _judge(
                market, residual, strength, wanted, guesses[i], sums, shape, symbols, chosen
            )
            if cost < least:
                least, kept = cost, True
                best[:], best_symbols[:], own[:] = shape, symbols, chosen
        if not kept:
            amplitudes[i] = 0
            changed += 1
            continue
        for k in range(channels):
            changed += own[k] != amplitudes[i, k]
            amplitudes[i, k] = own[k]
        for k in range(SHAPE):
            changed += best[k] != shapes[i, k]
        shapes[i], stored[i] = best, best_symbols
        colors[:] = own * -scale_of(market, best[SIZE])
        add(residual, best, colors)
    return int(changed)

# SPDX-License-Identifier: Apache-2.0
"""A column of quantised values, coded against a guess and what the rows before it were.

One kernel encodes, decodes, and chooses: given real targets it takes, of the integers near each,
the one with the least error * weight + bits, at the prices that the adapting model asks just then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import (
    CODING,
    code_int,
    cost_int,
    finish_encoder,
    new_model,
    start_encoder,
)
from flexgs.entropy.contexts.options import Int

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
Model = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]

SPREADS = 24  # half octaves of the step
HALF = 6
NEAR = 2 * HALF + 1  # buckets of a difference, in half steps
STATICS = 16
FLAGS = 2
GROUPS = 8
MEMORY_SHIFT = 3
FAR = 5  # a guess within so many steps of the target is always considered
_FIRST_B = SPREADS * STATICS * NEAR
_FIRST_C = _FIRST_B + SPREADS * NEAR * NEAR
CONTEXTS = _FIRST_C + SPREADS * FLAGS * NEAR
NO_TARGETS = np.zeros(0)
COST_ONE = 65536.0


@dataclass(frozen=True, eq=False)
class Column:
    """What both sides know of one column before its first symbol; arrays (n,)."""

    steps: I64  # in 1/65536
    guesses: I64  # expected values in 1/65536
    edges: I64  # values that are special: a bound, or where many crowd
    spreads: I32  # 0 .. SPREADS - 1, which steps are alike
    statics: I32  # 0 .. STATICS - 1, anything that other columns tell
    flags: I32  # 0 .. FLAGS - 1, how closely the row before is related
    groups: I32  # 0 .. GROUPS - 1, rows that share a memory; negative: none
    lean: int  # eighths of the memory that are added to the guess


@njit(**CODING)
def _bucket(difference: int, step: int) -> int:
    halves = (2 * difference + (step >> 1)) // step
    return min(max(halves, -HALF), HALF) + HALF


@njit(**CODING)
def bend_value(value: float, bends: F64) -> float:
    """`blurred_scales` in 1/65536 where there are bends, else the value as it is."""
    if len(bends) == 0:
        return value
    square = max(4.0 ** (value / 65536.0) - bends[0], 0.0)
    bent: float = 32768.0 * np.log2(square + bends[1])
    return bent


@njit(**CODING)
def _choose(
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    a: int,
    b: int,
    c: int,
    mixer: int,
    step: int,
    base: int,
    target: float,
    price: float,
    bends: F64,
) -> Int:
    """The symbol with the least price * error^2 + bits."""
    nearest: Int = np.int64(np.floor(target / step + 0.5))
    best: float = np.inf
    chosen = nearest
    wanted = bend_value(target, bends)
    for trial in range(-1, 3):
        candidate: Int = nearest + trial if trial < 2 else base
        if not -FAR <= candidate - nearest <= FAR:
            continue
        miss = bend_value(candidate * np.float64(step), bends) - wanted
        cost: float = price * miss * miss * COST_ONE
        if cost < best:
            cost += float(cost_int(slots, weights, a, b, c, mixer, candidate - base))
            if cost < best:
                best, chosen = cost, candidate
    return chosen


@njit(**CODING)
def code_rows(
    coder: U64,
    data: U8,
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    steps: I64,
    guesses: I64,
    edges: I64,
    spreads: I32,
    statics: I32,
    flags: I32,
    groups: I32,
    lean: int,
    targets: F64,  # (n,) or empty: in 1/65536
    prices: F64,  # (n,) or empty: bits a squared unit of 1/65536, bent
    bends: F64,  # (4^floor, 4^blur) or empty
    symbols: I32,  # (n,) read, written, or chosen
) -> None:
    """Codes all rows; see the module."""
    memory = np.zeros(GROUPS, np.int64)  # of deviations from the guesses
    last = np.zeros(GROUPS, np.int64)
    for i in range(len(steps)):
        step = steps[i]
        group, spread = groups[i], spreads[i]
        mean, past = (memory[group], last[group]) if group >= 0 else (0, 0)
        base = (2 * (guesses[i] + ((mean * lean) >> 3)) + step) // (2 * step)
        offset = guesses[i] - base * step
        edge = _bucket(edges[i] - base * step, step)
        a = (spread * STATICS + statics[i]) * NEAR + edge
        b = _FIRST_B + (spread * NEAR + _bucket(mean + offset, step)) * NEAR + edge
        c = _FIRST_C + (spread * FLAGS + flags[i]) * NEAR + _bucket(past + offset, step)
        if len(targets):
            symbols[i] = _choose(
                slots, weights, a, b, c, spread, step, base, targets[i], prices[i], bends
            )
        value = code_int(coder, data, slots, weights, a, b, c, spread, symbols[i] - base) + base
        symbols[i] = value
        if group >= 0:
            deviation = value * step - guesses[i]
            last[group] = deviation
            memory[group] += (deviation - memory[group]) >> MEMORY_SHIFT


def code_column(
    coder: U64, data: U8, model: Model, column: Column, symbols: I32, rows: slice = slice(None)
) -> None:
    """Encodes or decodes the rows of a column in place."""
    _run(coder, data, model, column, (NO_TARGETS,) * 3, symbols, rows)


def choose_column(
    column: Column,
    targets: F64,  # (n,)
    prices: F64,  # (n,)
    bends: F64 = NO_TARGETS,
) -> I32:  # (n,)
    """The symbols that cost the least in error and bits together."""
    symbols = np.zeros(len(targets), np.int32)
    coder, data = start_encoder(16 * len(targets) + 64)
    wanted = (targets, prices, bends)
    _run(coder, data, new_column_model(), column, wanted, symbols, slice(None))
    finish_encoder(coder, data)
    return symbols


def new_column_model() -> Model:
    """A model that knows nothing yet."""
    return new_model(CONTEXTS, SPREADS)


def _run(
    coder: U64,
    data: U8,
    model: Model,
    column: Column,
    wanted: tuple[F64, F64, F64],
    symbols: I32,
    rows: slice,
) -> None:
    known = (column.steps, column.guesses, column.edges, column.spreads)
    related = (column.statics, column.flags, column.groups)
    parts = [np.ascontiguousarray(array[rows]) for array in (*known, *related)]
    code_rows(coder, data, *model, *parts, column.lean, *wanted, symbols)

# SPDX-License-Identifier: Apache-2.0
"""The SH symbols of all Gaussians, one after the other, as neighbours make some symbols cheap.

DC is coded last and takes up whatever it can, so the error above DC is the Schur complement of the
colour block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import Neighbours
from flexgs.codec.rd.sh_choice.costs import (
    BEFORE,
    CLASSES,
    Costs,
    Statistics,
    first_costs,
    learn_costs,
    no_statistics,
)
from flexgs.codec.rd.sh_choice.expected import (
    BUCKETS,
    EXPECTED,
    TOTALS,
    bucket_total,
    expect_symbols,
    invert_weights,
    magnitude,
)
from flexgs.codec.rd.sh_choice.search import (
    COUNTS,
    MINUS,
    PLUS,
    SIZE,
    SIZES,
    choose_symbols,
    reduce_block,
)
from flexgs.entropy.contexts import CODING
from flexgs.entropy.contexts.options import pointer

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

# Bits that a squared unit of a coefficient costs beyond its symbol: what no view sees goes to 0.
RIDGE_BITS = 4.0
LEARNING_PASSES = 2
LEARNING_ROWS = 150_000  # more do not make better costs


def choose_sh(
    colours: F64,  # (n, k, 3) target, luma-chroma
    blocks: F32,  # (n, k (k + 1) / 2) packed lower triangles
    steps: F32,  # (n, k - 1)
    classes: I32,  # (n,) 0..CLASSES - 1
    near: Sequence[tuple[slice, Neighbours]],  # chunks in order
    lam: float,
) -> tuple[I16, F64]:  # (n, k - 1, 3) symbols, (n, 3) the DC that is best with them
    """Symbols of the SH rest by rate and error."""
    n, k = colours.shape[:2]
    symbols = np.zeros((n, k - 1, 3), dtype=np.int16)
    dc = colours[:, 0].copy()
    if k == 1 or n == 0:
        return symbols, dc
    costs = first_costs()
    chosen = near[:: max(1, n // LEARNING_ROWS)]
    for chunks in [*[chosen] * LEARNING_PASSES, near]:
        seen = no_statistics()
        symbols[:] = 0
        for rows, around in chunks:
            _choose_chunk(
                np.ascontiguousarray(colours[rows]),
                blocks[rows],
                steps[rows],
                np.minimum(classes[rows], CLASSES - 1),
                around.rows,
                around.weights,
                lam,
                _as_tuple(costs),
                _as_tuple(seen),
                symbols[rows],
                dc[rows],
            )
        costs = learn_costs(seen)
    return symbols, dc


def _as_tuple(tables: Costs | Statistics) -> tuple[F64, F64, F64, F64, F64]:
    return tables.counts, tables.places, tables.expected, tables.signs, tables.sizes


@njit(**CODING)
def _choose_chunk(
    colours: F64,
    blocks: F32,
    steps: F32,
    classes: I32,
    near: I32,
    weights: I32,
    lam: float,
    costs: tuple[F64, F64, F64, F64, F64],
    seen: tuple[F64, F64, F64, F64, F64],  # changed
    symbols: I16,  # out
    dc: F64,  # out
) -> None:
    rest = symbols.shape[1]
    reduced, scratch = np.empty((rest, rest)), np.empty((rest + 1, rest))
    across, slope = np.empty(rest), np.empty(rest)
    expected = np.empty((2, EXPECTED), np.int32)
    means = expected[0, : 3 * rest].reshape((rest, 3))
    magnitudes = expected[1, : 3 * rest].reshape((rest, 3))
    counts = np.zeros((len(symbols), 3), np.int64)
    near_, weights_ = pointer(near), pointer(weights)
    known = pointer(symbols), pointer(counts)
    around = pointer(expected[0]), pointer(expected[1])
    kept, prices = np.empty(rest, np.int64), np.zeros((4, SIZES))
    for i in range(len(symbols)):
        own = reduce_block(blocks[i], reduced, across)
        before = 0
        inverse = invert_weights(i, near_, weights_)
        expect_symbols(
            known[0], known[1], i, near_, weights_, inverse, 3 * rest, around[0], around[1]
        )
        for channel in range(3):
            _fill_slope(slope, reduced, colours[i, :, channel])
            total = bucket_total(around[1], channel, 3 * rest)
            signed, sizes = means[:, channel], magnitudes[:, channel]
            context = (before if channel else classes[i]) * TOTALS + total
            _fill_prices(prices, costs, channel, context, signed, sizes)
            if own <= 0.0:
                continue
            _add_ridge(reduced, RIDGE_BITS * lam)
            picked = symbols[i, :, channel]
            used = choose_symbols(slope, reduced, steps[i], lam, prices, picked, scratch, kept)
            _add_ridge(reduced, -RIDGE_BITS * lam)
            _count(seen, channel, context, signed, sizes, picked, used)
            counts[i, channel] = used
            before = min(used, BEFORE - 1) if channel == 0 else min(before, 1) + 2 * min(used, 1)
            shift = 0.0
            for j in range(rest):
                stored = picked[j] * np.float64(steps[i, j])
                shift += across[j] * (colours[i, j + 1, channel] - stored)
            dc[i, channel] = colours[i, 0, channel] + shift / own


@njit(**CODING)
def _fill_slope(slope: F64, reduced: F64, colours: F64) -> None:
    for j in range(len(slope)):
        total = 0.0
        for m in range(len(slope)):
            total += reduced[j, m] * colours[m + 1]
        slope[j] = total


@njit(**CODING)
def _add_ridge(reduced: F64, ridge: float) -> None:
    for j in range(len(reduced)):
        reduced[j, j] += ridge


@njit(**CODING)
def _fill_prices(
    prices: F64,  # out
    costs: tuple[F64, F64, F64, F64, F64],
    channel: int,
    context: int,
    signed: I32,
    expected: I32,
) -> None:
    counts, places, buckets, signs, sizes = costs
    prices[COUNTS] = counts[channel, context]
    prices[SIZE] = sizes[channel]
    total = 0.0
    for j in range(len(signed)):
        odds = places[channel, j] * buckets[channel, magnitude(expected[j], BUCKETS - 1)]
        prices[PLUS, j] = odds
        total += odds
    for j in range(len(signed)):
        bits = np.log2(total / prices[PLUS, j])
        bucket = magnitude(abs(signed[j]), BUCKETS - 1)
        against = int(signed[j] < 0)
        prices[PLUS, j] = bits + signs[channel, bucket, against]
        prices[MINUS, j] = bits + signs[channel, bucket, 1 - against]


@njit(**CODING)
def _count(
    seen: tuple[F64, F64, F64, F64, F64],
    channel: int,
    context: int,
    signed: I32,
    expected: I32,
    picked: I16,
    used: int,
) -> None:
    counts, places, buckets, signs, sizes = seen
    counts[channel, context, used] += 1.0
    if not used:
        return
    for j in range(len(picked)):
        bucket = magnitude(expected[j], BUCKETS - 1)
        places[channel, 1, j] += 1.0
        buckets[channel, 1, bucket] += 1.0
        if picked[j] == 0:
            continue
        places[channel, 0, j] += 1.0
        buckets[channel, 0, bucket] += 1.0
        against = int((signed[j] < 0) != (picked[j] < 0))
        signs[channel, magnitude(abs(signed[j]), BUCKETS - 1), against] += 1.0
        sizes[channel, min(abs(int(picked[j])), SIZES - 1)] += 1.0

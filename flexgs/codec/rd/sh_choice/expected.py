# SPDX-License-Identifier: Apache-2.0
"""What a Gaussian's neighbours say about its SH symbols, before any of them is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import NEIGHBOURS
from flexgs.entropy.contexts.options import INLINED, Int, highest_bit

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

UNIT = 16  # of one symbol
SHIFT = 24
BUCKETS = 12  # of an expected magnitude
TOTALS = 16  # of the sum of expected magnitudes
VECTOR = 32  # symbols that are summed up at once
EXPECTED = 64  # symbols of a Gaussian, rounded up to whole vectors
_LARGE = 2 * UNIT


@njit(**INLINED)
def magnitude(value: int, most: int) -> int:
    """Half octaves of a value >= 0: 0, 1, 2, 3, 4 (4-5), 5 (6-7), 6 (8-11) ...; at most `most`."""
    bits: Int = highest_bit(np.int64(value | 2)) - 1
    return min(int(2 * bits + (value >> bits)), most)


@njit(**INLINED)
def invert_weights(i: int, rows: I32, weights: I32) -> int:  # addresses
    """UNIT << SHIFT over the sum of a row's weights; 0 without neighbours."""
    whole = 0
    for place in range(i * NEIGHBOURS, (i + 1) * NEIGHBOURS):
        if rows[place] >= 0:
            whole += int(weights[place])
    return (UNIT << SHIFT) // whole if whole else 0


@njit(**INLINED)
def expect_symbols(
    symbols: I16,  # (m, k - 1, 3) known up to this row
    counts: I64,  # (m, 3) how many of them are not 0
    i: int,
    rows: I32,  # (m, NEIGHBOURS)
    weights: I32,  # (m, NEIGHBOURS)
    inverse: int,  # of invert_weights
    width: int,  # 3 (k - 1)
    signed: I32,  # (EXPECTED,) out: weighted mean of each symbol, UNIT to a symbol
    sizes: I32,  # (EXPECTED,) out: weighted mean of magnitudes
) -> None:
    """Fills `signed` and `sizes`, all coefficients of the first channels and rubbish behind them.

    Takes addresses of arrays, see `pointer`. Whole vectors are summed up: what they reach beyond
    a neighbour's symbols are symbols of row i at most.
    """
    for j in range(EXPECTED):
        signed[j] = 0
        sizes[j] = 0
    reached: Int = -(-width // VECTOR) * VECTOR
    if reached > 2 * width:
        reached = width
    for place in range(i * NEIGHBOURS, (i + 1) * NEIGHBOURS):
        row = np.int64(rows[place])
        if row < 0 or not (counts[3 * row] | counts[3 * row + 1] | counts[3 * row + 2]):
            continue
        weight = np.int32(weights[place])  # 10 bits; sums of products have 28
        first = width * row
        for j in range(reached):
            symbol = np.int32(symbols[first + j])
            signed[j] = np.int32(signed[j] + np.int32(weight * symbol))
            sizes[j] = np.int32(sizes[j] + np.int32(weight * abs(symbol)))
    for j in range(reached):
        signed[j] = (np.int64(signed[j]) * inverse) >> SHIFT
        sizes[j] = (np.int64(sizes[j]) * inverse) >> SHIFT


@njit(**INLINED)
def bucket_total(sizes: I32, channel: int, width: int) -> int:
    """The bucket of a channel's sum of expected magnitudes, 0..TOTALS - 1."""
    total = 0
    for j in range(channel, width, 3):
        total += min(int(sizes[j]), _LARGE)
    return int(magnitude(total, TOTALS - 1))

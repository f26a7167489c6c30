# SPDX-License-Identifier: Apache-2.0
"""What a Gaussian's neighbours say about its SH symbols, before any of them is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import NEIGHBOURS
from flexgs.entropy.contexts.options import INLINED

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

UNIT = 16  # of one symbol
SHIFT = 24
BUCKETS = 12  # of an expected magnitude
TOTALS = 16  # of the sum of expected magnitudes
_LARGE = 2 * UNIT


@njit(**INLINED)
def magnitude(value: int, most: int) -> int:
    """Half octaves of a value >= 0: 0, 1, 2, 3, 4 (4-5), 5 (6-7), 6 (8-11) ...; at most `most`."""
    if value < 4:
        return min(value, most)
    bits, rest = 0, value
    while rest > 3:
        rest >>= 1
        bits += 1
    return min(2 * bits + rest, most)


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
    channel: int,
    rows: I32,  # (m, NEIGHBOURS)
    weights: I32,  # (m, NEIGHBOURS)
    inverse: int,  # of invert_weights
    rest: int,  # k - 1
    signed: I64,  # (k - 1,) out: weighted mean, UNIT to a symbol
    sizes: I64,  # (k - 1,) out: weighted mean of magnitudes
) -> int:
    """Fills `signed` and `sizes`; -> the bucket of the total, 0..TOTALS - 1.

    Takes addresses of arrays, see `pointer`.
    """
    for j in range(rest):
        signed[j] = 0
        sizes[j] = 0
    some = False
    for place in range(i * NEIGHBOURS, (i + 1) * NEIGHBOURS):
        row = int(rows[place])
        if row < 0 or not counts[3 * row + channel]:
            continue
        some = True
        weight = int(weights[place])
        first = 3 * rest * row + channel
        for j in range(rest):
            symbol = int(symbols[first + 3 * j])
            signed[j] += weight * symbol
            sizes[j] += weight * abs(symbol)
    if not some:
        return 0
    total = 0
    for j in range(rest):
        signed[j] = (signed[j] * inverse) >> SHIFT
        sizes[j] = (sizes[j] * inverse) >> SHIFT
        total += min(int(sizes[j]), _LARGE)
    return int(magnitude(total, TOTALS - 1))

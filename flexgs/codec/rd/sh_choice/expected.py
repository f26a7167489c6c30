# SPDX-License-Identifier: Apache-2.0
"""What a Gaussian's neighbours say about its SH symbols, before any of them is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import CODING

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

UNIT = 16  # of one symbol
BUCKETS = 12  # of an expected magnitude
TOTALS = 16  # of the sum of expected magnitudes
_LARGE = 2 * UNIT


@njit(**CODING)
def magnitude(value: int, most: int) -> int:
    """Half octaves of a value >= 0: 0, 1, 2, 3, 4 (4-5), 5 (6-7), 6 (8-11) ...; at most `most`."""
    if value < 4:
        return min(value, most)
    bits, rest = 0, value
    while rest > 3:
        rest >>= 1
        bits += 1
    return min(2 * bits + rest, most)


@njit(**CODING)
def expect_symbols(
    symbols: I16,  # (m, k - 1, 3) known up to this row
    channel: int,
    rows: I32,  # (NEIGHBOURS,)
    weights: I32,
    signed: I64,  # (k - 1,) out: weighted mean, UNIT to a symbol
    sizes: I64,  # (k - 1,) out: weighted mean of magnitudes
) -> int:
    """Fills `signed` and `sizes`; -> the bucket of the total, 0..TOTALS - 1."""
    signed[:] = 0
    sizes[:] = 0
    whole = 0
    for place in range(len(rows)):
        row = int(rows[place])
        if row < 0:
            continue
        weight = int(weights[place])
        whole += weight
        for j in range(len(signed)):
            symbol = int(symbols[row, j, channel])
            if symbol:
                signed[j] += weight * symbol
                sizes[j] += weight * abs(symbol)
    if not whole:
        return 0
    total = 0
    for j in range(len(signed)):
        if sizes[j]:
            signed[j] = UNIT * signed[j] // whole
            sizes[j] = UNIT * sizes[j] // whole
            total += min(int(sizes[j]), _LARGE)
    return int(magnitude(total, TOTALS - 1))

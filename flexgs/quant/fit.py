# SPDX-License-Identifier: Apache-2.0
"""Which range a segment's channel should cover: clipping rare tails buys a finer step.

Every candidate is scored with the real quantiser on all rows (a sample would miss the very tails
that clipping costs); the least weighted squared error wins.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from flexgs.quant.segments import Ranges, make_ranges

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SHRINKS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)  # of both ends towards the median
ONE_SIDED = (1.25, 0.85, 0.7)  # of one end, after both
FIT_BITS = 8  # with more levels the tails cost nothing worth clipping


def fit_ranges(
    values: F32,  # (c, n)
    bounds: I64,  # (s + 1,)
    bits: int,
    weights: F32 | None = None,  # (n,) >= 0
) -> Ranges:
    """The range of every channel and segment with the least (weighted) squared error.

    Empty segments get a range of no consequence.
    """
    low = np.zeros((len(values), len(bounds) - 1))
    high = np.zeros_like(low)
    for i, (start, stop) in enumerate(pairwise(bounds)):
        if start == stop:
            continue
        block = np.ascontiguousarray(values[:, start:stop])
        low[:, i], high[:, i] = block.min(axis=1), block.max(axis=1)
        if bits <= FIT_BITS:
            heavy = None if weights is None else weights[start:stop]
            low[:, i], high[:, i] = _search(block, heavy, low[:, i], high[:, i], bits)
    return make_ranges(low, high, bits)


def _error(block: F32, weights: F32 | None, low: F64, high: F64, bits: int) -> F64:  # -> (c,)
    ranges = make_ranges(low[:, None], high[:, None], bits)
    steps, zeros = ranges.steps(), ranges.zeros.astype(np.float32)  # (c, 1)
    off = block / steps
    symbols = np.rint(off)
    np.clip(symbols, -zeros, np.float32(2**bits - 1) - zeros, out=symbols)
    off -= symbols
    off *= off
    if weights is not None:
        off *= weights
    squares = steps[:, 0].astype(np.float64) ** 2
    return np.asarray(off.sum(axis=1, dtype=np.float64) * squares)


def _search(
    block: F32,  # (c, r)
    weights: F32 | None,  # (r,)
    low: F64,  # (c,)
    high: F64,  # (c,)
    bits: int,
) -> tuple[F64, F64]:  # low, high
    center = np.median(block, axis=1).astype(np.float64)
    down, up = center - low, high - center
    shrink_down, shrink_up = np.ones_like(low), np.ones_like(low)
    best = _error(block, weights, low, high, bits)

    def attempt(try_down: F64, try_up: F64) -> None:
        nonlocal best, shrink_down, shrink_up
        try_down, try_up = np.minimum(try_down, 1), np.minimum(try_up, 1)
        error = _error(block, weights, center - down * try_down, center + up * try_up, bits)
        better = error < best
        shrink_down = np.where(better, try_down, shrink_down)
        shrink_up = np.where(better, try_up, shrink_up)
        best = np.where(better, error, best)

    for shrink in SHRINKS:
        attempt(np.full_like(low, shrink), np.full_like(low, shrink))
    for shrink in ONE_SIDED:
        attempt(shrink_down * shrink, shrink_up)
    for shrink in ONE_SIDED:
        attempt(shrink_down, shrink_up * shrink)
    return center - down * shrink_down, center + up * shrink_up

# SPDX-License-Identifier: Apache-2.0
"""Which range a segment's channel should cover: clipping rare tails buys a finer step.

All candidates are scored on the same sample with the real quantiser; the least weighted squared
error wins. Sums run over the leading axis only, so they round alike on every machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.quant.segments import Ranges, make_ranges

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SAMPLE_ROWS = 256  # of a segment
SHRINKS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)  # of both ends towards the centre
ONE_SIDED = (1.25, 0.85, 0.7)  # of one end, after both
FIT_BITS = 10  # with more levels the tails cost nothing worth clipping


def fit_ranges(
    values: F32,  # (c, n)
    bounds: I64,  # (s + 1,)
    bits: int,
    weights: F32 | None = None,  # (n,) >= 0, or (c, n)
) -> Ranges:
    """The range of every channel and segment with the least (weighted) squared error.

    Empty segments get a range of no consequence.
    """
    full = np.flatnonzero(bounds[1:] > bounds[:-1])
    low = np.zeros((len(values), len(bounds) - 1))
    high = np.zeros_like(low)
    if len(full):
        low[:, full] = np.minimum.reduceat(values, bounds[full], axis=1)
        high[:, full] = np.maximum.reduceat(values, bounds[full], axis=1)
    if bits > FIT_BITS or not len(full):
        return make_ranges(low, high, bits)
    rows = _sample(bounds, full)
    sample = np.ascontiguousarray(values[:, rows].transpose(1, 0, 2))  # (r, c, f)
    if weights is None:
        heavy = np.ones((len(rows), 1, 1), np.float32)
    else:
        heavy = np.atleast_2d(weights)[:, rows].transpose(1, 0, 2)
    low[:, full], high[:, full] = _search(sample, heavy, low[:, full], high[:, full], bits)
    return make_ranges(low, high, bits)


def _sample(bounds: I64, full: I64) -> I64:  # (r, f) row numbers, evenly spread in each segment
    start, count = bounds[full], bounds[full + 1] - bounds[full]
    rows = min(SAMPLE_ROWS, int(count.max()))
    within: I64 = (np.arange(rows)[:, None] * count) // rows
    return start + within


def _error(sample: F32, weights: F32, low: F64, high: F64, bits: int) -> F64:  # -> (c, f)
    ranges = make_ranges(low, high, bits)
    steps, zeros = ranges.steps(), ranges.zeros.astype(np.float32)
    off = sample / steps
    symbols = np.rint(off)
    np.clip(symbols, -zeros, np.float32(2**bits - 1) - zeros, out=symbols)
    off -= symbols
    off *= off
    off *= weights
    squared = steps.astype(np.float64) ** 2
    return np.asarray(off.sum(axis=0, dtype=np.float64) * squared)


def _search(
    sample: F32, weights: F32, low: F64, high: F64, bits: int
) -> tuple[F64, F64]:  # (c, f) each
    center = np.median(sample, axis=0).astype(np.float64)
    down, up = center - low, high - center
    factors = [np.ones_like(low), np.ones_like(low)]  # of down, of up
    best = _error(sample, weights, low, high, bits)

    def attempt(shrink_down: F64, shrink_up: F64) -> None:
        nonlocal best
        shrink_down, shrink_up = np.minimum(shrink_down, 1), np.minimum(shrink_up, 1)
        error = _error(sample, weights, center - down * shrink_down, center + up * shrink_up, bits)
        better = error < best
        factors[0] = np.where(better, shrink_down, factors[0])
        factors[1] = np.where(better, shrink_up, factors[1])
        best = np.where(better, error, best)

    for shrink in SHRINKS:
        attempt(np.full_like(low, shrink), np.full_like(low, shrink))
    for shrink in ONE_SIDED:
        attempt(factors[0] * shrink, factors[1])
    for shrink in ONE_SIDED:
        attempt(factors[0], factors[1] * shrink)
    return center - down * factors[0], center + up * factors[1]

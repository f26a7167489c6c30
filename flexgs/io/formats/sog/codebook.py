# SPDX-License-Identifier: Apache-2.0
"""Weighted scalar quantisation: the best 256 values for many numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.io.formats.sog.meta import LEVELS

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

_BINS = 4096  # of the density that the first guess follows
_SAME = 1e-7  # of the range: numbers nearer to each other are one kind, told apart by rounding
_STEPS = 50  # of Lloyd, at most


def fit_codebook(values: F32, weights: F32, levels: int = LEVELS) -> F32:  # (m,), (m,) -> (256,)
    """Ascending values for which the weighted squared error is least, or nearly.

    Numbers of at most 256 kinds come back as they are. With fewer `levels` than 256 the last value
    is repeated.

    Source: Lloyd, "Least squares quantization in PCM", 1982; the first guess has the density that
    is best in the limit, the cube root of the numbers' (Panter and Dite, 1951).

    >>> fit_codebook(np.array([3, 1, 3], np.float32), np.ones(3, np.float32))[[0, 1, 255]].tolist()
    [1.0, 3.0, 3.0]
    """
    order = np.argsort(values, kind="stable")
    x, w = values[order].astype(np.float64), weights[order].astype(np.float64)
    starts = np.flatnonzero(np.append(True, np.diff(x) > _SAME * (x[-1] - x[0])))
    if len(starts) <= levels:
        book = np.add.reduceat(w * x, starts) / np.add.reduceat(w, starts)
    else:
        book = _lloyd(x, w, _first_guess(x, w, levels))
    padded = np.append(book, np.full(LEVELS - len(book), book[-1]))
    return padded.astype(np.float32)


def _first_guess(x: F64, w: F64, levels: int) -> F64:
    density, edges = np.histogram(x, _BINS, weights=w)
    share = np.cumsum(np.cbrt(density))
    share /= share[-1]
    places = (np.arange(levels) + 0.5) / levels
    return np.asarray(np.interp(places, np.append(0, share), edges))


def _lloyd(x: F64, w: F64, book: F64) -> F64:
    """Ascending numbers x: each value of the book moves to the mean of the numbers next to it."""
    weight, moment = np.append(0, np.cumsum(w)), np.append(0, np.cumsum(w * x))
    for _ in range(_STEPS):
        ends = np.searchsorted(x, (book[1:] + book[:-1]) / 2)
        ends = np.concatenate([[0], ends, [len(x)]])
        total, sums = np.diff(weight[ends]), np.diff(moment[ends])
        moved = np.where(total > 0, sums / np.where(total > 0, total, 1), book)
        if np.array_equal(moved, book):
            break
        book = moved
    return np.sort(book)


def nearest(book: F32, values: F32) -> U8:  # (256,) ascending, (...) -> (...)
    """Index of the value in the book that is nearest to each number."""
    middles = (book[1:].astype(np.float64) + book[:-1]) / 2
    return np.searchsorted(middles, values).astype(np.uint8)

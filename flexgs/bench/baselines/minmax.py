# SPDX-License-Identifier: Apache-2.0
"""Asymmetric min-max quantisation of consecutive rows, a range per segment and channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Quantised:
    """Symbols and what they stand for: value = zero + symbol * scale."""

    symbols: U8  # (n, c) below 2^bits
    scales: F32  # (segments, c)
    zeros: F32  # (segments, c) the value of symbol 0


def segment_count(n: int, segments: int) -> int:
    """At most one segment a row.

    >>> segment_count(0, 1000), segment_count(3, 1000), segment_count(10**6, 1000)
    (0, 3, 1000)
    """
    return min(n, segments)


def _lengths(n: int, segments: int) -> I64:  # (segments,) rows of each, as equal as can be
    return np.diff(np.arange(segments + 1) * n // max(segments, 1))


def quantise(values: F32, segments: int, bits: int) -> Quantised:  # (n, c)
    """Symbols of 1 to 8 bits; no value moves by more than half a scale (and float32 rounding).

    >>> q = quantise(np.array([[0.0], [1.0], [5.0], [5.0]], np.float32), 2, 8)
    >>> q.symbols[:, 0].tolist(), q.zeros[:, 0].tolist()
    ([0, 255, 0, 0], [0.0, 5.0])
    """
    n, channels = values.shape
    count = segment_count(n, segments)
    if count == 0:
        empty = np.zeros((0, channels), np.float32)
        return Quantised(empty.astype(np.uint8), empty, empty)
    lengths = _lengths(n, count)
    starts = np.cumsum(lengths) - lengths
    zeros = np.minimum.reduceat(values, starts, axis=0)
    spans = np.maximum.reduceat(values, starts, axis=0).astype(np.float64) - zeros
    top = 2**bits - 1
    scales = (spans / top).astype(np.float32)
    steps = np.repeat(np.where(scales > 0, scales, 1), lengths, axis=0)
    symbols = np.rint((values - np.repeat(zeros, lengths, axis=0)) / steps)
    return Quantised(np.clip(symbols, 0, top).astype(np.uint8), scales, zeros)


def dequantise(quantised: Quantised) -> F32:  # -> (n, c)
    """The values that symbols stand for; not finite where a hostile file's ranges are not."""
    lengths = _lengths(len(quantised.symbols), len(quantised.scales))
    scales = np.repeat(quantised.scales, lengths, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.repeat(quantised.zeros, lengths, axis=0) + quantised.symbols * scales
    return np.asarray(values, np.float32)

# SPDX-License-Identifier: Apache-2.0
"""Per-segment, per-channel uniform quantisation: x ~ scale * (symbol - zero), zero an integer.

An integer zero point makes 0.0 exact whenever it lies in a channel's range. A scale keeps the upper
16 bits of a float32 (8 bits of mantissa, all exponents): two bytes, and any magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U16 = npt.NDArray[np.uint16]

MIN_SEGMENT_ROWS = 128  # below it, scales and zero points cost more than they save
MAX_ABS_ZERO = 2**24  # the mantissa of float32


@dataclass(frozen=True)
class Ranges:
    """One scale and zero point per channel and segment."""

    scales: U16  # (c, s) upper halves of positive finite float32
    zeros: I32  # (c, s)

    def steps(self) -> F32:
        """Scales as float32, (c, s)."""
        return np.left_shift(self.scales, np.uint32(16), dtype=np.uint32).view(np.float32)


def segment_bounds(n: int, segments: int) -> I64:  # (s + 1,)
    """First rows of the segments and n: segment i holds rows i * n // s ... (i + 1) * n // s - 1.

    >>> segment_bounds(5, 2).tolist()
    [0, 2, 5]
    """
    return np.arange(segments + 1, dtype=np.int64) * n // segments


def segment_count(n: int, segments: int) -> int:
    """How many segments n Gaussians get when `segments` are asked for; at least one.

    >>> segment_count(1000, 100), segment_count(0, 100), segment_count(10**6, 100)
    (7, 1, 100)
    """
    return max(1, min(segments, n // MIN_SEGMENT_ROWS))


def to_scales(steps: npt.NDArray[np.floating]) -> U16:  # positive
    """Stored scales, rounded up so that the range stays covered."""
    bits = steps.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0xFFFF)) >> np.uint32(16)).astype(np.uint16)


def make_ranges(
    low: npt.NDArray[np.float64],  # (c, s)
    high: npt.NDArray[np.float64],  # (c, s)
    bits: int,
) -> Ranges:
    """Ranges that cover [low, high]; at 8 bits and more no value in it is off by over half a step.

    A channel that is constant is exact: its step is the unit in the last place of its value.
    """
    # Rounding the zero point may shift the range by half a step at either end: from 8 bits on a
    # spare level absorbs it, below that a level is worth more than the ends.
    levels = 2**bits - (2 if bits >= 8 else 1)
    largest = np.maximum(np.abs(low), np.abs(high))
    _, exponent = np.frexp(largest)
    finest = np.ldexp(1.0, np.maximum(exponent - 24, -100))
    scales = to_scales(np.maximum((high - low) / levels, finest))
    steps = Ranges(scales, np.zeros(scales.shape, np.int32)).steps().astype(np.float64)
    return Ranges(scales, np.rint(-low / steps).astype(np.int32))


def quantize_rows(
    values: F32,  # (c, r) of one segment
    ranges: Ranges,
    segment: int,
    bits: int,
) -> U16:  # (c, r)
    """Nearest symbols, clipped to the range."""
    steps = ranges.steps()[:, segment, None].astype(np.float64)
    zeros = ranges.zeros[:, segment, None]
    return np.clip(np.rint(values / steps) + zeros, 0, 2**bits - 1).astype(np.uint16)


def quantize(
    values: F32,  # (c, n)
    bounds: I64,  # (s + 1,) first column of every segment; empty segments are fine
    ranges: Ranges,
    bits: int,
) -> U16:  # (c, n)
    """`quantize_rows` over all segments."""
    symbols = np.empty(values.shape, np.uint16)
    for i, (start, stop) in enumerate(pairwise(bounds)):
        symbols[:, start:stop] = quantize_rows(values[:, start:stop], ranges, i, bits)
    return symbols


def dequantize_rows(
    symbols: npt.NDArray[np.unsignedinteger],  # (c, r) of one segment
    ranges: Ranges,
    segment: int,
) -> F32:  # (r, c)
    """float32(symbol - zero) * scale: one rounding, the same on every machine."""
    rows = np.subtract(symbols.T, ranges.zeros[:, segment], dtype=np.int32, order="C")
    values: F32 = rows.astype(np.float32)
    with np.errstate(over="ignore"):  # a hostile scale; the caller clamps
        values *= ranges.steps()[:, segment]
    return values


def check_ranges(ranges: Ranges, section: str) -> None:
    """Refuses what `make_ranges` cannot have written.

    Raises:
        Corrupt: a scale is not positive and finite, or a zero point is beyond float32's integers.
    """
    exponent = ranges.scales >> np.uint16(7)
    if ((ranges.scales == 0) | (exponent >= 0xFF)).any():
        raise Corrupt("a scale is not a positive number", section=section)
    if (np.abs(ranges.zeros.astype(np.int64)) > MAX_ABS_ZERO).any():
        raise Corrupt("a zero point is out of range", section=section, expected=MAX_ABS_ZERO)

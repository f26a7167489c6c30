# SPDX-License-Identifier: Apache-2.0
"""Positions <-> grid points whose spacing doubles with distance, so that no outlier sets the step.

Each axis is measured from a robust centre in units of a robust radius. A grid index g with
magnitude m = |g| and M mantissa bits stands for

    m < 2 * 2^M:  m / 2^M                              uniform up to two radii
    otherwise:    2^e * (1 + f / 2^M)                  e = (m >> M) - 1, f = m mod 2^M

radii: a floating-point number with M mantissa bits, continuous with the uniform part. Only integer
arithmetic, powers of two, one product and one sum: every machine decodes the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt
from flexgs.limits import MAX_ABS_MEAN

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

GRID_SPAN_BITS = 3  # 2^bits steps cover +-8 radii (contracted: -4 ... 4)
MAX_EXPONENT = 126  # of a power of two that float32 still holds


@dataclass(frozen=True)
class Frame:
    """Where the grid lies: values as stored, so that both sides compute with the same numbers."""

    center: F32  # (d,)
    radius: np.float32


def mantissa_bits(bits: int) -> int:
    """M of a plan's position bits; 1 to 3 bits are all M = 0, a step of one radius.

    >>> mantissa_bits(16)
    13
    """
    return max(bits - GRID_SPAN_BITS, 0)


def fit_frame(means: F32) -> Frame:  # (n, d)
    """Median centre and median largest-axis distance: half of all Gaussians lie within a radius."""
    if not len(means):
        return Frame(np.zeros(means.shape[1], np.float32), np.float32(1))
    center = np.median(means, axis=0).astype(np.float32)
    distances = np.zeros(len(means))
    for column, middle in zip(means.T, center, strict=True):  # one in doubles at a time
        np.maximum(distances, np.abs(column.astype(np.float64) - middle), out=distances)
    radius = float(np.median(distances))
    if radius <= 0:  # most positions coincide: any scale that the others have
        radius = float(distances[distances > 0].min(initial=1.0))
    return Frame(center, np.float32(max(radius, 1e-20)))


def quantize_means(means: F32, frame: Frame, bits: int) -> I64:  # (n, d) -> (n, d)
    """Nearest grid points (nearest in the contracted coordinate; ties to even)."""
    radii = (means.astype(np.float64) - frame.center) / np.float64(frame.radius)
    size = np.abs(radii)
    exponent = np.frexp(size)[1]  # 2^(exponent - 1) <= size < 2^exponent
    octave = np.maximum(exponent - 1, 0)
    contracted = np.where(size < 1, size, octave + np.ldexp(size, -octave))
    grid = np.rint(np.ldexp(contracted, mantissa_bits(bits))).astype(np.int64)
    return np.where(radii < 0, -grid, grid)


def dequantize_means(grid: I64, frame: Frame, bits: int) -> F32:  # (n, d) -> (n, d)
    """Positions of grid points, clamped to the legal range.

    Raises:
        Corrupt: an exponent is beyond float32.
    """
    m = mantissa_bits(bits)
    size = np.abs(grid).astype(np.int32)
    largest = int(size.max(initial=0))
    if largest >> m > MAX_EXPONENT:
        raise Corrupt(
            "a position is out of all range",
            section="means",
            expected=f"an exponent of at most {MAX_EXPONENT}",
            found=largest >> m,
        )
    radii = grid.astype(np.float32)
    if largest >= 2 << m:
        octave = np.maximum((size >> m) - 1, 0)
        mantissa = (size - (octave << m)).astype(np.float32)
        radii = np.copysign(np.ldexp(mantissa, octave), radii)
    radii *= np.float32(2.0**-m)
    with np.errstate(over="ignore"):
        means = radii * frame.radius + frame.center
    if means.size and not (means.min() >= -MAX_ABS_MEAN and means.max() <= MAX_ABS_MEAN):
        means = np.clip(means, np.float32(-MAX_ABS_MEAN), np.float32(MAX_ABS_MEAN))
    return means

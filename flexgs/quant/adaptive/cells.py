# SPDX-License-Identifier: Apache-2.0
"""Positions as cells of a contracted grid, and a place inside the cell as fine as it must be.

The grid is that of `quant.positions`: uniform up to two robust radii, its spacing doubling with
distance beyond. Cells are 2^-depth radii wide there and split again j times per axis, where j
follows from the step that the Gaussian may have (log2 in sixteenths); positions are the midpoints.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core.morton import morton_codes
from flexgs.errors import Corrupt
from flexgs.limits import MAX_ABS_MEAN
from flexgs.quant.positions import MAX_EXPONENT, Frame

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

MAX_DEPTH = 12  # cells of 2^-12 radii; 128 radii of octaves then fill 20 bits, and a sign
MAX_SPLITS = 14
FINE_BITS = MAX_DEPTH + MAX_SPLITS + 1
RANGE = 128  # contracted coordinates are within +-RANGE
# Halving one axis at a time: three axes with the same wish split at different sixteenths, so that
# together they follow it in thirds of an octave.
SPLIT_ROUNDING = np.array([3, 8, 13], dtype=np.int32)


def contract(means: F32, frame: Frame) -> F64:  # (n, 3) -> (n, 3)
    """Contracted coordinates: radii up to one, then 1 + log2 of them, linear within an octave."""
    radii = (means.astype(np.float64) - frame.center) / np.float64(frame.radius)
    size = np.abs(radii)
    octave = np.maximum(np.frexp(size)[1] - 1, 0)
    contracted = np.where(size < 1, size, octave + np.ldexp(size, -octave))
    return np.asarray(np.copysign(np.minimum(contracted, RANGE - 1), radii), dtype=np.float64)


def find_cells(contracted: F64, depth: int) -> I32:  # (n, 3) -> (n, 3)
    """Cells that contain the points."""
    return np.asarray(np.floor(np.ldexp(contracted, depth)), dtype=np.int32)


def cell_codes(cells: I32, depth: int) -> npt.NDArray[np.uint64]:  # (n, 3) -> (n,)
    """Morton codes of cells."""
    return morton_codes(cells.astype(np.int64) + (RANGE << depth))


def _away(cells: I32) -> I32:
    """How far from the centre, alike on both sides: c, or -1 - c where it is negative."""
    return np.asarray(cells ^ (cells >> 31), dtype=np.int32)


def distance_features(cells: I32, depth: int) -> I32:  # (n, 3) -> (n,)
    """The largest contracted coordinate of a cell in sixteenths of a radius, rounded down."""
    x, y, z = _away(cells).T
    largest = np.maximum(np.maximum(x, y), z)
    scaled = largest >> (depth - 4) if depth >= 4 else largest << (4 - depth)
    return np.asarray(scaled, dtype=np.int32)


def count_splits(
    cells: I32,  # (n, 3)
    depth: int,
    classes: I32,  # (n,) wanted step in sixteenths of an octave of radii
) -> I32:  # (n, 3)
    """How often each axis of each cell is halved."""
    octave = np.maximum(
        (_away(cells) >> depth) - 1, 0
    )  # a cell there is 2^(octave - depth) radii wide
    wish = (octave - depth) * 16 - classes[:, None]
    return np.asarray(np.clip((wish + SPLIT_ROUNDING) >> 4, 0, MAX_SPLITS), dtype=np.int32)


def dequantise_means(
    cells: I32,  # (n, 3)
    places: I32,  # (n, 3) in 0 .. 2^splits - 1
    splits: I32,  # (n, 3)
    depth: int,
    frame: Frame,
) -> F32:  # (n, 3)
    """Midpoints in scene units, clamped to the legal range.

    Raises:
        Corrupt: an exponent is beyond float32.
    """
    fine = (cells.astype(np.int64) << splits) + places
    fixed = (2 * fine + 1) << (FINE_BITS - 1 - depth - splits.astype(np.int64))
    size = np.abs(fixed)
    octave = np.maximum((size >> FINE_BITS) - 1, 0)
    largest = int(octave.max(initial=0))
    if largest > MAX_EXPONENT:
        raise Corrupt(
            "a position is out of all range",
            section="means",
            expected=f"an exponent of at most {MAX_EXPONENT}",
            found=largest,
        )
    mantissa = (size - (octave << FINE_BITS)).astype(np.float64)
    radii = np.copysign(np.ldexp(mantissa, octave - FINE_BITS), fixed)
    means = radii * np.float64(frame.radius) + frame.center.astype(np.float64)
    return np.asarray(np.clip(means, -MAX_ABS_MEAN, MAX_ABS_MEAN), dtype=np.float32)

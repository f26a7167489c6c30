# SPDX-License-Identifier: Apache-2.0
"""Morton (Z-curve) order of points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MORTON_BITS = 21  # 3 x 21 bits fit 63


def _spread(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Puts two zero bits between the 21 low bits of each value."""
    v = values & np.uint64(0x1FFFFF)
    for shift, mask in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        v = (v | (v << np.uint64(shift))) & np.uint64(mask)
    return v


def morton_codes(cells: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:  # (n, 2|3) -> (n,)
    """Interleaved bits of non-negative cell indices below 2^21.

    >>> morton_codes(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 3, 3]])).tolist()
    [1, 2, 4, 63]
    """
    code = np.zeros(len(cells), dtype=np.uint64)
    for axis in range(cells.shape[1]):
        code |= _spread(cells[:, axis].astype(np.uint64)) << np.uint64(axis)
    return code


def _compact(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The inverse of `_spread`: keeps every third bit."""
    v = values & np.uint64(0x1249249249249249)
    for shift, mask in (
        (2, 0x10C30C30C30C30C3),
        (4, 0x100F00F00F00F00F),
        (8, 0x1F0000FF0000FF),
        (16, 0x1F00000000FFFF),
        (32, 0x1FFFFF),
    ):
        v = (v | (v >> np.uint64(shift))) & np.uint64(mask)
    return v


def morton_cells(codes: npt.NDArray[np.uint64], d: int) -> npt.NDArray[np.int64]:  # -> (n, d)
    """The inverse of `morton_codes`.

    >>> morton_cells(np.array([63, 4], np.uint64), 3).tolist()
    [[3, 3, 3], [0, 0, 1]]
    """
    cells = np.empty((len(codes), d), np.int64)
    for axis in range(d):
        cells[:, axis] = _compact(codes >> np.uint64(axis))
    return cells

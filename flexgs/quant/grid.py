# SPDX-License-Identifier: Apache-2.0
"""Grid points in Morton order <-> byte planes of differences: by Morton code, or axis by axis."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from flexgs.core.morton import morton_cells, morton_codes
from flexgs.quant.packing import join_planes, split_planes

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Method = Literal["codes", "axes"]

MAX_PLANES = 8


def morton_order(cells: I64) -> I64:  # (n, d) >= 0 -> (n,) row numbers
    """Stable order along the Z-curve."""
    return np.argsort(morton_codes(cells), kind="stable")


def cells_to_planes(cells: I64, method: Method) -> list[U8]:  # (n, d) in Morton order
    """`codes`: differences of Morton codes, never negative. `axes`: zigzag differences per axis.

    The first row is a difference from zero. There are as many planes as the largest value needs.
    """
    if method == "codes":
        codes = morton_codes(cells)
        values = np.diff(codes, prepend=np.uint64(0))
    else:
        steps = np.diff(cells, axis=0, prepend=np.int64(0)).T.reshape(-1)
        values = ((steps << 1) ^ (steps >> 63)).astype(np.uint64)
    planes = max(1, (int(values.max(initial=0)).bit_length() + 7) // 8)
    return split_planes(values, planes)


def planes_to_cells(planes: list[U8], method: Method, d: int) -> I64:  # -> (n, d)
    """The inverse of `cells_to_planes`. Sums may wrap: the caller checks what comes out."""
    values: U64 = join_planes(planes, np.uint64)
    if method == "codes":
        return morton_cells(np.cumsum(values, dtype=np.uint64), d)
    steps = (values >> np.uint64(1)).astype(np.int64) ^ -(values & np.uint64(1)).astype(np.int64)
    return np.cumsum(steps.reshape(d, -1), axis=1).T

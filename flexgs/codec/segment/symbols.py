# SPDX-License-Identifier: Apache-2.0
"""Everything a chunk holds as integers: what the encoder writes and the decoder reads back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.segment.kinds import Group
from flexgs.quant.layout import Symbols
from flexgs.quant.segments import Ranges

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GroupSymbols:
    """One group of one chunk."""

    group: Group
    ranges: Ranges  # (c, segments of the chunk)
    symbols: Symbols  # (c, rows of the group)
    bounds: I64  # (segments + 1,) first column of every segment


@dataclass(frozen=True, eq=False)
class ChunkSymbols:
    """One chunk: whole segments, decodable without any other chunk."""

    cells: I64  # (rows, d) grid index - origin, in Morton order
    levels: U8  # (rows,) highest SH band with a value that is not 0
    groups: tuple[GroupSymbols, ...]  # bands without rows are left out


def rows_of_band(levels: U8, band: int) -> npt.NDArray[np.intp] | slice:
    """Rows of a chunk that have values in a band (all, when none is without)."""
    mask = levels >= band
    return slice(None) if mask.all() else np.flatnonzero(mask)


def band_bounds(levels: U8, band: int, bounds: I64) -> I64:
    """First columns of the segments among the rows of a band.

    >>> band_bounds(np.array([3, 0, 1, 0], np.uint8), 1, np.array([0, 2, 4])).tolist()
    [0, 1, 2]
    """
    counted = np.concatenate([[0], np.cumsum(levels >= band)])
    return np.asarray(counted[bounds], dtype=np.int64)


def same_symbols(a: ChunkSymbols, b: ChunkSymbols) -> bool:
    """Whether two chunks hold the same integers."""
    return (
        np.array_equal(a.cells, b.cells)
        and np.array_equal(a.levels, b.levels)
        and len(a.groups) == len(b.groups)
        and all(
            x.group == y.group
            and np.array_equal(x.ranges.scales, y.ranges.scales)
            and np.array_equal(x.ranges.zeros, y.ranges.zeros)
            and np.array_equal(x.symbols, y.symbols)
            for x, y in zip(a.groups, b.groups, strict=True)
        )
    )

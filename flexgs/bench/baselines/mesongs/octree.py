# SPDX-License-Identifier: Apache-2.0
"""Occupied cells of a grid <-> the octree over them, one byte of children a node."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core.morton import MORTON_BITS
from flexgs.errors import Corrupt

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

MAX_DEPTH = MORTON_BITS
_BITS = np.uint64(3)


def occupancy(codes: U64, depth: int) -> U8:  # (n,) ascending Morton codes, each once -> (m,)
    """Bytes of all inner nodes, breadth first; bit i is set where child i holds something.

    >>> occupancy(np.array([0, 7, 8], np.uint64), 2).tolist()
    [3, 129, 1]
    """
    levels = []
    children = codes
    for _ in range(depth):
        parents = children >> _BITS
        bits = np.uint8(1) << (children & np.uint64(7)).astype(np.uint8)
        starts = np.flatnonzero(np.append(True, parents[1:] != parents[:-1]))
        levels.append(np.bitwise_or.reduceat(bits, starts))
        children = parents[starts]
    return np.concatenate(levels[::-1])


def read_occupancy(data: U8, depth: int, count: int) -> U64:  # (m,) -> (count,)
    """The inverse of `occupancy`.

    Raises:
        Corrupt: the bytes are no such octree of `count` leaves.

    >>> read_occupancy(np.array([3, 129, 1], np.uint8), 2, 3).tolist()
    [0, 7, 8]
    """
    nodes, at = np.zeros(1, np.uint64), 0
    for _ in range(depth):
        level = data[at : at + len(nodes)]
        if len(level) < len(nodes) or not level.all():
            raise Corrupt("the octree has a node without children", section="octree", offset=at)
        at += len(nodes)
        rows, children = np.nonzero(np.unpackbits(level[:, None], axis=1, bitorder="little"))
        if len(rows) > count:
            raise Corrupt("the octree has too many nodes", section="octree", expected=count)
        nodes = (nodes[rows] << _BITS) | children.astype(np.uint64)
    if len(nodes) != count or at != len(data):
        raise Corrupt("the octree has other leaves", section="octree", expected=count)
    return nodes

# SPDX-License-Identifier: Apache-2.0
"""Cells as an octree, level by level, and how many Gaussians each holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import CODING, code_bit, code_uint, new_model

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

MAX_LEVELS = 20
_FIRST_B = MAX_LEVELS * 8
_FIRST_C = _FIRST_B + 256
_FIRST_COUNT = _FIRST_C + MAX_LEVELS * 9
_COUNTS = 9
CONTEXTS = _FIRST_COUNT + 3 * _COUNTS
_COUNT_MIXER = MAX_LEVELS


@njit(**CODING)
def _code_children(
    coder: U64,
    data: U8,
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    level: int,
    siblings: int,
    mask: int,
) -> int:
    """The occupied children of one node as bits, given or decoded; never none."""
    seen, count = 0, 0
    for k in range(8):
        if k == 7 and count == 0:
            return 1 << 7
        a = level * 8 + min(count, 7)
        b = _FIRST_B + (seen if k < 7 else 128 + (seen & 127))
        c = _FIRST_C + level * 9 + siblings
        bit = code_bit(coder, data, slots, weights, a, b, c, level, k, (mask >> k) & 1)
        seen |= bit << k
        count += bit
    return seen


@njit(**CODING)
def code_tree(
    coder: U64,
    data: U8,
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    levels: int,
    codes: I64,  # (n,) sorted Morton codes of 3 * levels bits, read or written
    decoding: bool,
) -> bool:
    """Encodes or decodes; False where a payload describes more cells or rows than there are."""
    n = len(codes)
    if n == 0:
        return True
    nodes, siblings = np.zeros(n, np.int64), np.ones(n, np.int64)
    below, below_siblings = np.zeros(n, np.int64), np.ones(n, np.int64)
    used = 1
    for level in range(levels):
        shift = 3 * (levels - 1 - level)
        found, place = 0, 0
        for index in range(used):
            mask = 0
            while not decoding and place < n and codes[place] >> (shift + 3) == nodes[index]:
                mask |= 1 << ((codes[place] >> shift) & 7)
                place += 1
            mask = _code_children(coder, data, slots, weights, level, siblings[index], mask)
            first = found
            for k in range(8):
                if (mask >> k) & 1:
                    if found == n:
                        return False
                    below[found] = nodes[index] * 8 + k
                    found += 1
            below_siblings[first:found] = found - first
        nodes, below = below, nodes
        siblings, below_siblings = below_siblings, siblings
        used = found
    whole: bool = _code_counts(coder, data, slots, weights, nodes[:used], siblings, codes, decoding)
    return whole


@njit(**CODING)
def _code_counts(
    coder: U64,
    data: U8,
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    leaves: I64,
    siblings: I64,
    codes: I64,
    decoding: bool,
) -> bool:
    n, place, before = len(codes), 0, 0
    for index in range(len(leaves)):
        count = 0
        while not decoding and place + count < n and codes[place + count] == leaves[index]:
            count += 1
        a = _FIRST_COUNT + siblings[index]
        b = _FIRST_COUNT + _COUNTS + min(before, _COUNTS - 1)
        c = _FIRST_COUNT + 2 * _COUNTS
        count = 1 + code_uint(coder, data, slots, weights, a, b, c, _COUNT_MIXER, count - 1)
        before = count
        if count > n - place:
            return False
        codes[place : place + count] = leaves[index]
        place += count
    return place == n


def new_tree_model() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """A model that knows nothing yet."""
    return new_model(CONTEXTS, MAX_LEVELS + 1)

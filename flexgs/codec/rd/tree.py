# SPDX-License-Identifier: Apache-2.0
"""Cells as an octree, level by level, and how many Gaussians each holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import CODING, NODES, code_uint, new_model
from flexgs.entropy.contexts.model import decide_at
from flexgs.entropy.contexts.options import INLINED, Int, pointer

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

MAX_LEVELS = 20
_SIDES = 4  # how many of a child's three sides face an occupied node
_COUNTS = 9
CONTEXTS = 3 * _COUNTS
# Slots of children, which have one node each.
_FIRST_A = CONTEXTS * NODES
_FIRST_B = _FIRST_A + MAX_LEVELS * 8 * _SIDES * 8
_FIRST_C = _FIRST_B + 256 * _SIDES
_BITS = _FIRST_C + MAX_LEVELS * 9 * _SIDES * 8 - _FIRST_A
_COUNT_MIXER = MAX_LEVELS
_PROBES = 32  # bounds the time that hostile cells can take
CHILDREN = np.array([bin(family).count("1") for family in range(256)], dtype=np.int64)
_AXIS = 0x1249249249249249  # bits of the first axis in a Morton code
_HASH = 0x9E3779B97F4A7C15 >> 1


@njit(**INLINED)
def _slot(table: I64, mask: Int, code: Int) -> Int:
    """Where a code is or would be. Crowded codes may go missing, alike at both sides."""
    place: Int = (np.int64(code * _HASH) >> 20) & mask
    for _ in range(_PROBES):
        if table[place] < 0 or table[place] == code:
            break
        place = (place + 1) & mask
    return place


@njit(**INLINED)
def _sides(table: I64, mask: int, code: int, family: int, bits: int) -> int:
    """Which of the six nodes next to a node exist: bit 2 axis + (0 below, 1 above).

    One of the two on each axis has the same parent, whose children `family` tells.
    """
    found = 0
    for axis in range(3):
        own = (_AXIS << axis) & bits
        upper = (code >> axis) & 1
        found |= ((family >> ((code & 7) ^ (1 << axis))) & 1) << (2 * axis + 1 - upper)
        rest = code & ~own
        if upper:
            other = rest | ((code | ~own) + 1 & own)
            inside = other & own != 0
        else:
            other = rest | ((code & own) - 1 & own)
            inside = code & own != 0
        if inside and table[_slot(table, mask, other)] == other:
            found |= 1 << (2 * axis + upper)
    return found


@njit(**INLINED)
def _code_children(
    coder: U64,
    data: U8,
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    level: int,
    siblings: int,
    sides: int,
    mask: int,
) -> int:
    """The occupied children of one node as bits, given or decoded; never none."""
    seen, count = 0, 0
    for k in range(8):
        if k == 7 and count == 0:
            return 1 << 7
        near = (sides >> (k & 1)) & 1
        near += (sides >> (2 + ((k >> 1) & 1))) & 1
        near += (sides >> (4 + (k >> 2))) & 1
        a = _FIRST_A + ((level * 8 + min(count, 7)) * _SIDES + near) * 8 + k
        b = _FIRST_B + ((1 << k) + seen) * _SIDES + near
        c = _FIRST_C + ((level * 9 + siblings) * _SIDES + near) * 8 + k
        bit = decide_at(coder, data, slots, weights, a, b, c, level * NODES + k, (mask >> k) & 1)
        seen |= bit << k
        count += bit
    return seen


@njit(**CODING)
def _fill_table(table: I64, mask: int, nodes: I64) -> None:
    """The table holds the given nodes and nothing else."""
    table[: mask + 1] = -1
    places = pointer(table)
    for code in nodes:
        table[_slot(places, mask, code)] = code


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
    nodes, families = np.zeros(n, np.int64), np.ones(n, np.int64)  # a family: a parent's children
    below, families_below = np.zeros(n, np.int64), np.ones(n, np.int64)
    sides = np.zeros(n, np.uint8)
    room = 2
    while room < 2 * n:
        room *= 2
    table = np.empty(room, np.int64)
    # addresses: arrays would be counted up and down at every call
    r, d, s, w = pointer(coder), pointer(data), pointer(slots), pointer(weights)
    places = pointer(table)
    used = 1
    for level in range(levels):
        shift = 3 * (levels - 1 - level)
        found, place, size = 0, 0, 2
        while size < 2 * used:
            size *= 2
        _fill_table(table, size - 1, nodes[:used])
        # apart from the coding, so that many look-ups are under way at once
        for index in range(used):
            sides[index] = _sides(
                places, size - 1, nodes[index], families[index], (1 << (3 * level)) - 1
            )
        for index in range(used):
            mask, node = 0, nodes[index]
            while not decoding and place < n and codes[place] >> (shift + 3) == node:
                mask |= 1 << ((codes[place] >> shift) & 7)
                place += 1
            family = families[index]
            siblings = CHILDREN[family]
            mask = _code_children(r, d, s, w, level, siblings, np.int64(sides[index]), mask)
            for k in range(8):
                if (mask >> k) & 1:
                    if found == n:
                        return False
                    below[found] = node * 8 + k
                    families_below[found] = mask
                    found += 1
        nodes, below = below, nodes
        families, families_below = families_below, families
        used = found
    whole: bool = _code_counts(coder, data, slots, weights, nodes[:used], families, codes, decoding)
    return whole


@njit(**CODING)
def _code_counts(
    coder: U64,
    data: U8,
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    leaves: I64,
    families: I64,
    codes: I64,
    decoding: bool,
) -> bool:
    n, place, before = len(codes), 0, 0
    for index in range(len(leaves)):
        count = 0
        while not decoding and place + count < n and codes[place + count] == leaves[index]:
            count += 1
        a = CHILDREN[families[index]]
        b = _COUNTS + min(before, _COUNTS - 1)
        c = 2 * _COUNTS
        count = 1 + code_uint(coder, data, slots, weights, a, b, c, _COUNT_MIXER, count - 1)
        before = count
        if count > n - place:
            return False
        for _ in range(count):
            codes[place] = leaves[index]
            place += 1
    return place == n


def new_tree_model() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """A model that knows nothing yet."""
    return new_model(CONTEXTS, MAX_LEVELS + 1, _BITS)

# SPDX-License-Identifier: Apache-2.0
"""Integers as decisions: is it zero, its sign, then its size: unary, then exponent and mantissa.

The nodes of a context: 0 zero or not, 1 the sign, 2..14 larger than 1..13, 15..33 the exponent in
unary, 34..45 the mantissa's top bit by exponent, 46 and 47 its second bit by the top one.
The mantissa's further bits are noise, and coded as such.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from flexgs.entropy.contexts.coder import Bytes, Coder, transmit
from flexgs.entropy.contexts.model import Slots, Weights, decide, price
from flexgs.entropy.contexts.options import CODING, INLINED, Int
from flexgs.entropy.contexts.tables import COST_BITS, PROBABILITY_BITS

UNARY = 14  # sizes 0..13 are unary
EXPONENT_MAX = 19
SIGN_NODE = 1  # beside the zero flag: they share a cache line
UNARY_NODE = 1  # of "larger than 0", which there is not
EXPONENT_NODE = UNARY_NODE + UNARY
TOP_NODE = EXPONENT_NODE + EXPONENT_MAX
TOP_NODES = 12
SECOND_NODE = TOP_NODE + TOP_NODES
VALUE_MAX = UNARY + (1 << (EXPONENT_MAX + 1)) - 2  # the largest size that can be coded
HALF = 1 << (PROBABILITY_BITS - 1)


@njit(**INLINED)
def mantissa_node(exponent: Int, leading: Int) -> Int:
    """Node of the bit behind `leading` (1, or 1 and the top bit) of a mantissa."""
    if leading == 1:
        return TOP_NODE + min(exponent, TOP_NODES) - 1
    return SECOND_NODE + (leading & 1)


@njit(**CODING)
def _code_large(
    coder: Coder,
    data: Bytes,
    slots: Slots,
    weights: Weights,
    a: Int,
    b: Int,
    c: Int,
    mixer: Int,
    size: Int,
) -> Int:
    """A size of UNARY or more: exponent, two modelled bits of the mantissa, the rest as it is."""
    rest: Int = min(max(size, UNARY), VALUE_MAX) - UNARY + 1  # 1..2^20 - 1
    exponent = 0
    while exponent < EXPONENT_MAX:
        node = EXPONENT_NODE + exponent
        longer = np.int64(rest >> (exponent + 1) > 0)
        if not decide(coder, data, slots, weights, a, b, c, mixer, node, longer):
            break
        exponent += 1
    value: Int = np.int64(1)
    for place in range(exponent - 1, -1, -1):
        bit = (rest >> place) & 1
        if value < 4:
            node = mantissa_node(exponent, value)
            bit = decide(coder, data, slots, weights, a, b, c, mixer, node, bit)
        else:
            bit = transmit(coder, data, HALF, bit)
        value = 2 * value + bit
    return value - 1 + UNARY


@njit(**CODING)
def code_size(
    coder: Coder,
    data: Bytes,
    slots: Slots,
    weights: Weights,
    a: Int,
    b: Int,
    c: Int,
    mixer: Int,
    size: Int,
) -> Int:
    """A size of 1..VALUE_MAX, given or decoded."""
    least: Int = np.int64(1)
    while least < UNARY:
        larger = np.int64(size > least)
        node = UNARY_NODE + least
        if not decide(coder, data, slots, weights, a, b, c, mixer, node, larger):
            return least
        least += 1
    large: Int = _code_large(coder, data, slots, weights, a, b, c, mixer, size)
    return large


@njit(**CODING)
def _cost_large(
    slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, size: Int
) -> Int:
    rest: Int = min(size, VALUE_MAX) - UNARY + 1
    cost: Int = np.int64(0)
    exponent = 0
    while exponent < EXPONENT_MAX:
        longer = np.int64(rest >> (exponent + 1) > 0)
        cost += price(slots, weights, a, b, c, mixer, EXPONENT_NODE + exponent, longer)
        if not longer:
            break
        exponent += 1
    for depth in range(min(exponent, 2)):
        leading = rest >> (exponent - depth)
        bit = (rest >> (exponent - depth - 1)) & 1
        cost += price(slots, weights, a, b, c, mixer, mantissa_node(exponent, leading), bit)
    return cost + (max(exponent - 2, 0) << COST_BITS)


@njit(**CODING)
def cost_size(slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, size: Int) -> Int:
    """Bits * 2^16 that `code_size` would take now. Nothing adapts."""
    cost: Int = np.int64(0)
    least: Int = np.int64(1)
    while least < UNARY:
        larger = np.int64(size > least)
        cost += price(slots, weights, a, b, c, mixer, UNARY_NODE + least, larger)
        if not larger:
            return cost
        least += 1
    large: Int = _cost_large(slots, weights, a, b, c, mixer, size)
    return cost + large

# SPDX-License-Identifier: Apache-2.0
"""Integers as decisions: is it zero, its sign, then its size: unary, then exponent and mantissa.

The nodes of a context: 0 zero or not, 1..13 larger than 1..13, 14..32 the exponent in unary,
33..44 the mantissa's top bit by exponent, 45 and 46 its second bit by the top one, 47 the sign.
The mantissa's further bits are noise, and coded as such.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from flexgs.entropy.contexts.coder import BAD_VALUE, FAULT, Bytes, Coder, transmit
from flexgs.entropy.contexts.model import Slots, Weights, code_bit, cost_bit
from flexgs.entropy.contexts.options import CODING, INLINED, Int
from flexgs.entropy.contexts.tables import COST_BITS, PROBABILITY_BITS

UNARY = 14  # sizes 0..13 are unary
EXPONENT_MAX = 19
EXPONENT_NODE = UNARY
TOP_NODE = EXPONENT_NODE + EXPONENT_MAX
TOP_NODES = 12
SECOND_NODE = TOP_NODE + TOP_NODES
SIGN_NODE = SECOND_NODE + 2
VALUE_MAX = UNARY + (1 << (EXPONENT_MAX + 1)) - 2  # the largest size that can be coded
HALF = 1 << (PROBABILITY_BITS - 1)


@njit(**INLINED)
def _code_size(
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
    """A size of 1 or more."""
    node = 1
    while node < UNARY:
        if not code_bit(coder, data, slots, weights, a, b, c, mixer, node, np.int64(size > node)):
            return node
        node += 1
    total: Int = _code_large(coder, data, slots, weights, a, b, c, mixer, size)
    return total


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
    if size > VALUE_MAX:
        coder[FAULT] = np.int64(coder[FAULT]) | BAD_VALUE
        size = VALUE_MAX
    rest: Int = max(size - UNARY + 1, 1)  # 1..2^20 - 1
    exponent = 0
    while exponent < EXPONENT_MAX:
        node: Int = EXPONENT_NODE + exponent
        longer = np.int64(rest >> (exponent + 1) > 0)
        if not code_bit(coder, data, slots, weights, a, b, c, mixer, node, longer):
            break
        exponent += 1
    value: Int = np.int64(1)
    place = exponent
    while place > 0:
        place -= 1
        bit = (rest >> place) & 1
        depth = exponent - place
        if depth == 1:
            node = TOP_NODE + min(exponent, TOP_NODES) - 1
            bit = code_bit(coder, data, slots, weights, a, b, c, mixer, node, bit)
        elif depth == 2:
            node = SECOND_NODE + (value & 1)
            bit = code_bit(coder, data, slots, weights, a, b, c, mixer, node, bit)
        else:
            bit = transmit(coder, data, HALF, bit)
        value = 2 * value + bit
    return value - 1 + UNARY


@njit(**CODING)
def code_uint(
    coder: Coder,
    data: Bytes,
    slots: Slots,
    weights: Weights,
    a: Int,
    b: Int,
    c: Int,
    mixer: Int,
    v: Int,
) -> Int:
    """A value of 0..VALUE_MAX, given or decoded."""
    v = np.int64(v)
    if v < 0:
        coder[FAULT] = np.int64(coder[FAULT]) | BAD_VALUE
    if not code_bit(coder, data, slots, weights, a, b, c, mixer, 0, np.int64(v != 0)):
        return np.int64(0)
    total: Int = _code_size(coder, data, slots, weights, a, b, c, mixer, v)
    return total


@njit(**CODING)
def code_int(
    coder: Coder,
    data: Bytes,
    slots: Slots,
    weights: Weights,
    a: Int,
    b: Int,
    c: Int,
    mixer: Int,
    v: Int,
) -> Int:
    """A value of -VALUE_MAX..VALUE_MAX, given or decoded."""
    v = np.int64(v)
    if not code_bit(coder, data, slots, weights, a, b, c, mixer, 0, np.int64(v != 0)):
        return np.int64(0)
    sign = np.int64(v < 0)
    sign = code_bit(coder, data, slots, weights, a, b, c, mixer, SIGN_NODE, sign)
    size: Int = _code_size(coder, data, slots, weights, a, b, c, mixer, abs(v))
    return -size if sign else size


@njit(**CODING)
def _cost_large(
    slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, size: Int
) -> Int:
    rest = min(size, VALUE_MAX) - UNARY + 1
    cost: Int = np.int64(0)
    exponent = 0
    while exponent < EXPONENT_MAX:
        node = EXPONENT_NODE + exponent
        longer = np.int64(rest >> (exponent + 1) > 0)
        cost += cost_bit(slots, weights, a, b, c, mixer, node, longer)
        if not longer:
            break
        exponent += 1
    if exponent > 0:
        top = (rest >> (exponent - 1)) & 1
        node = TOP_NODE + min(exponent, TOP_NODES) - 1
        cost += cost_bit(slots, weights, a, b, c, mixer, node, top)
        if exponent > 1:
            bit = (rest >> (exponent - 2)) & 1
            cost += cost_bit(slots, weights, a, b, c, mixer, SECOND_NODE + top, bit)
            cost += (exponent - 2) << COST_BITS
    return cost


@njit(**INLINED)
def _cost_size(
    slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, size: Int
) -> Int:
    cost: Int = np.int64(0)
    node = 1
    while node < UNARY:
        cost += cost_bit(slots, weights, a, b, c, mixer, node, np.int64(size > node))
        if size == node:
            return cost
        node += 1
    total: Int = cost + _cost_large(slots, weights, a, b, c, mixer, size)
    return total


@njit(**CODING)
def cost_uint(slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, v: Int) -> Int:
    """Bits * 2^16 that `code_uint` would take for `v` now. Nothing adapts."""
    v = np.int64(v)
    cost: Int = cost_bit(slots, weights, a, b, c, mixer, 0, np.int64(v != 0))
    total: Int = cost + _cost_size(slots, weights, a, b, c, mixer, v) if v != 0 else cost
    return total


@njit(**CODING)
def cost_int(slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, v: Int) -> Int:
    """Bits * 2^16 that `code_int` would take for `v` now. Nothing adapts."""
    v = np.int64(v)
    cost: Int = cost_bit(slots, weights, a, b, c, mixer, 0, np.int64(v != 0))
    if v == 0:
        return cost
    cost += cost_bit(slots, weights, a, b, c, mixer, SIGN_NODE, np.int64(v < 0))
    total: Int = cost + _cost_size(slots, weights, a, b, c, mixer, abs(v))
    return total

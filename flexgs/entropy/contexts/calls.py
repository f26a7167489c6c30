# SPDX-License-Identifier: Apache-2.0
"""What kernels call, with the arrays that they hold.

Each call serves encoding and decoding: it returns the value, given or decoded. `a`, `b` and `c`
are the numbers of the three contexts whose opinions are mixed, `mixer` that of the weights.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from flexgs.entropy.contexts.coder import BAD_VALUE, FAULT, Bytes, Coder
from flexgs.entropy.contexts.integers import SIGN_NODE, VALUE_MAX, code_size, cost_size
from flexgs.entropy.contexts.model import Slots, Weights, decide, price
from flexgs.entropy.contexts.options import CODING, INLINED, Int, pointer


@njit(**INLINED)
def code_bit(
    coder: Coder,
    data: Bytes,
    slots: Slots,
    weights: Weights,
    a: Int,
    b: Int,
    c: Int,
    mixer: Int,
    node: Int,
    bit: Int,
) -> Int:
    """One decision at `node`, 0..NODES - 1."""
    r, d, s, w = pointer(coder), pointer(data), pointer(slots), pointer(weights)
    a, b, c, mixer = np.int64(a), np.int64(b), np.int64(c), np.int64(mixer)
    result: Int = decide(r, d, s, w, a, b, c, mixer, np.int64(node), np.int64(bit != 0))
    return result


@njit(**INLINED)
def _check_value(coder: Coder, v: Int, least: Int) -> None:
    if v < least or v > VALUE_MAX:
        coder[FAULT] = np.int64(coder[FAULT]) | BAD_VALUE


@njit(**CODING)
def uint_at(
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
    """`code_uint` of addresses and int64 numbers, for kernels that hold `pointer`s."""
    _check_value(coder, v, 0)
    if not decide(coder, data, slots, weights, a, b, c, mixer, 0, np.int64(v != 0)):
        return np.int64(0)
    size: Int = code_size(coder, data, slots, weights, a, b, c, mixer, v)
    return size


@njit(**CODING)
def int_at(
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
    """`code_int` of addresses and int64 numbers, for kernels that hold `pointer`s."""
    _check_value(coder, v, -VALUE_MAX)
    if not decide(coder, data, slots, weights, a, b, c, mixer, 0, np.int64(v != 0)):
        return np.int64(0)
    negative = np.int64(v < 0)
    negative = decide(coder, data, slots, weights, a, b, c, mixer, SIGN_NODE, negative)
    size: Int = code_size(coder, data, slots, weights, a, b, c, mixer, abs(v))
    return -size if negative else size


@njit(**INLINED)
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
    """A value of 0..VALUE_MAX."""
    r, d, s, w = pointer(coder), pointer(data), pointer(slots), pointer(weights)
    a, b, c, mixer = np.int64(a), np.int64(b), np.int64(c), np.int64(mixer)
    result: Int = uint_at(r, d, s, w, a, b, c, mixer, np.int64(v))
    return result


@njit(**INLINED)
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
    """A value of -VALUE_MAX..VALUE_MAX."""
    r, d, s, w = pointer(coder), pointer(data), pointer(slots), pointer(weights)
    a, b, c, mixer = np.int64(a), np.int64(b), np.int64(c), np.int64(mixer)
    result: Int = int_at(r, d, s, w, a, b, c, mixer, np.int64(v))
    return result


@njit(**INLINED)
def cost_bit(
    slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, node: Int, bit: Int
) -> Int:
    """Bits * 2^16 that `code_bit` would take now. Nothing adapts."""
    s, w = pointer(slots), pointer(weights)
    a, b, c, mixer = np.int64(a), np.int64(b), np.int64(c), np.int64(mixer)
    result: Int = price(s, w, a, b, c, mixer, np.int64(node), np.int64(bit != 0))
    return result


@njit(**CODING)
def _cost_uint(slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, v: Int) -> Int:
    cost: Int = price(slots, weights, a, b, c, mixer, 0, np.int64(v != 0))
    if v != 0:
        cost += cost_size(slots, weights, a, b, c, mixer, v)
    return cost


@njit(**CODING)
def _cost_int(slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, v: Int) -> Int:
    cost: Int = price(slots, weights, a, b, c, mixer, 0, np.int64(v != 0))
    if v != 0:
        cost += price(slots, weights, a, b, c, mixer, SIGN_NODE, np.int64(v < 0))
        cost += cost_size(slots, weights, a, b, c, mixer, abs(v))
    return cost


@njit(**INLINED)
def cost_uint(slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, v: Int) -> Int:
    """Bits * 2^16 that `code_uint` would take for `v` now. Nothing adapts."""
    a, b, c, mixer = np.int64(a), np.int64(b), np.int64(c), np.int64(mixer)
    result: Int = _cost_uint(pointer(slots), pointer(weights), a, b, c, mixer, np.int64(v))
    return result


@njit(**INLINED)
def cost_int(slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, v: Int) -> Int:
    """Bits * 2^16 that `code_int` would take for `v` now. Nothing adapts."""
    a, b, c, mixer = np.int64(a), np.int64(b), np.int64(c), np.int64(mixer)
    result: Int = _cost_int(pointer(slots), pointer(weights), a, b, c, mixer, np.int64(v))
    return result

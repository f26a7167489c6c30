# SPDX-License-Identifier: Apache-2.0
"""The model's tables, made with integers alone: the same on every platform, for ever.

A probability's logit is 256 ln(p / (1 - p)). docs/entropy-coder.md defines every entry.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

LOGIT_MAX = 3071  # p of 6e-6: a sure decision costs 1e-5 bits
PROBABILITY_BITS = 16  # of the coder
STRETCH_BITS = 12  # of a slot's probability that stretch looks at
COST_BITS = 16  # costs are bits * 2^16
RATE_BITS = 16
SLOT_LIMIT = 255  # a slot's count stops here: it then follows drifts over about 256 decisions

_POINT = 160  # bits behind the point of the constants below


def _exp_powers(denominator: int, count: int) -> list[int]:
    """e^(k / denominator) * 2^_POINT for k = 0..count - 1, by the series."""
    one = 1 << _POINT
    base, term, k = 0, one, 0
    while term:
        base += term
        k += 1
        term //= denominator * k
    powers = [one]
    for _ in range(count - 1):
        powers.append(powers[-1] * base >> _POINT)
    return powers


def squash_table() -> NDArray[np.uint16]:
    """(2 LOGIT_MAX + 1,): 2^16 / (1 + e^(-d / 256)) at d + LOGIT_MAX, rounded, in 1..2^16 - 1."""
    one = 1 << _POINT
    right = [
        ((power << (PROBABILITY_BITS + 1)) // (one + power) + 1) >> 1
        for power in _exp_powers(256, LOGIT_MAX + 1)
    ]
    top = 1 << PROBABILITY_BITS
    both = [top - p for p in right[:0:-1]] + right
    return np.clip(both, 1, top - 1).astype(np.uint16)


def stretch_table() -> NDArray[np.int16]:
    """(4096,): 256 ln(x / (1 - x)) at x = (i + 1/2) / 4096, rounded to the nearest integer."""
    size = 1 << STRETCH_BITS
    halves = _exp_powers(512, 2 * LOGIT_MAX)[1::2]  # e^((k + 1/2) / 256)
    right = [
        bisect_right(halves, ((2 * i + 1) << _POINT) // (2 * size - 2 * i - 1))
        for i in range(size // 2, size)
    ]
    return np.array([-d for d in reversed(right)] + right, dtype=np.int16)


def cost_table(squash: NDArray[np.uint16]) -> NDArray[np.int32]:
    """(2 LOGIT_MAX + 1,): -log2(squash / 2^16) * 2^16; what a 1 costs. Encoders only.

    Source: binary logarithm by repeated squaring of the mantissa.
    """
    value = squash.astype(np.int64)
    exponent = np.zeros_like(value)
    for shift in (8, 4, 2, 1):
        exponent += np.where(value >> exponent >= 1 << shift, shift, 0)
    mantissa = value << (30 - exponent)
    log = exponent << COST_BITS
    for bit in range(COST_BITS - 1, -1, -1):
        mantissa = mantissa * mantissa >> 30
        carry = mantissa >> 31
        mantissa >>= carry
        log += carry << bit
    return ((PROBABILITY_BITS << COST_BITS) - log).astype(np.int32)


def rate_table() -> NDArray[np.int32]:
    """(SLOT_LIMIT + 1,): 2^16 / (n + 3/2), rounded down: how far a slot moves at its count n."""
    return np.array(
        [(2 << RATE_BITS) // (2 * n + 3) for n in range(SLOT_LIMIT + 1)], dtype=np.int32
    )


SQUASH = squash_table()
STRETCH = stretch_table()
COST = cost_table(SQUASH)
RATE = rate_table()

# SPDX-License-Identifier: Apache-2.0
"""What the next decision will be: three adaptive opinions, mixed in the logistic domain.

A slot is one opinion about one decision: 22 bits of probability above 10 bits of count. Each
mixer has its own weights per node, which learn which opinion to trust.

Source: M. Mahoney, "Adaptive weighing of context models" (2005), and lpaq (2007), for the method.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from flexgs.entropy.contexts.coder import Bytes, Coder, transmit
from flexgs.entropy.contexts.options import INLINED, Int
from flexgs.entropy.contexts.tables import (
    COST,
    LOGIT_MAX,
    PROBABILITY_BITS,
    RATE,
    RATE_BITS,
    SLOT_LIMIT,
    SQUASH,
    STRETCH,
    STRETCH_BITS,
)

Slots = NDArray[np.uint32]
Weights = NDArray[np.int32]
Opinions = tuple[Int, Int, Int, Int, Int, Int]

LINE = 16  # slots of a cache line
NODES = 3 * LINE  # decisions of a context: three cache lines
K = 4  # words of a weight set: three weights and a spare, so that none straddles two lines

COUNT_BITS = 10
COUNT_MASK = (1 << COUNT_BITS) - 1
SLOT_START = 1 << 31  # probability 1/2, count 0
SLOT_ONE = 1 << 22
STRETCH_SHIFT = 32 - STRETCH_BITS
WEIGHT_BITS = 16
WEIGHT_START = 21845  # 1/3: the opinions' mean
LEARNING_SHIFT = 14  # a weight moves by stretch * error / 64


def new_model(contexts: int, mixers: int, bits: int = 0) -> tuple[Slots, Weights]:
    """Slots (contexts * NODES + bits,) and weights (mixers * NODES * K,) that know nothing yet.

    The last `bits` slots are for contexts of a single node, which would waste most of a context.
    """
    size = contexts * NODES + bits
    slots = np.empty(size + LINE, dtype=np.uint32)
    first = -slots.ctypes.data // slots.itemsize % LINE
    slots = slots[first : first + size]
    slots[:] = SLOT_START
    return slots, np.full(mixers * NODES * K, WEIGHT_START, dtype=np.int32)


@njit(**INLINED)
def _mixed(weights: Weights, set_: Int, x: Int, y: Int, z: Int) -> Int:
    """Logit of the weighted opinions, as an index of SQUASH and COST."""
    dot = (
        np.int64(weights[set_]) * x
        + np.int64(weights[set_ + 1]) * y
        + np.int64(weights[set_ + 2]) * z
    )
    logit: Int = (dot + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS
    return min(max(logit, -LOGIT_MAX), LOGIT_MAX) + LOGIT_MAX


@njit(**INLINED)
def _learn_slot(slots: Slots, i: Int, slot: Int, bit: Int) -> None:
    probability, count = slot >> COUNT_BITS, slot & COUNT_MASK
    step = ((bit * SLOT_ONE - probability) * np.int64(RATE[np.uint64(count)])) >> RATE_BITS
    count += np.int64(count < SLOT_LIMIT)
    slots[i] = ((probability + step) << COUNT_BITS) | count


@njit(**INLINED)
def _learn_weight(weights: Weights, i: Int, stretched: Int, error: Int) -> None:
    step = (stretched * error + (1 << (LEARNING_SHIFT - 1))) >> LEARNING_SHIFT
    weights[i] = (
        np.int64(weights[i]) + step
    )  # wraps: only hostile data come near, and a bound is slow


@njit(**INLINED)
def _consult(
    slots: Slots, weights: Weights, i: Int, j: Int, k: Int, set_: Int
) -> tuple[Opinions, Int]:
    """What is known of a decision: its slots, their opinions, and the probability of a 1."""
    u = np.int64(slots[i])
    v = np.int64(slots[j])
    w = np.int64(slots[k])
    x = np.int64(STRETCH[np.uint64(u >> STRETCH_SHIFT)])
    y = np.int64(STRETCH[np.uint64(v >> STRETCH_SHIFT)])
    z = np.int64(STRETCH[np.uint64(w >> STRETCH_SHIFT)])
    return (u, v, w, x, y, z), np.int64(SQUASH[np.uint64(_mixed(weights, set_, x, y, z))])


@njit(**INLINED)
def _learn(
    slots: Slots,
    weights: Weights,
    i: Int,
    j: Int,
    k: Int,
    set_: Int,
    opinions: Opinions,
    probability: Int,
    bit: Int,
) -> None:
    u, v, w, x, y, z = opinions
    error = (bit << PROBABILITY_BITS) - probability
    _learn_weight(weights, set_, x, error)
    _learn_weight(weights, set_ + 1, y, error)
    _learn_weight(weights, set_ + 2, z, error)
    _learn_slot(slots, i, u, bit)
    _learn_slot(slots, j, v, bit)
    _learn_slot(slots, k, w, bit)


@njit(**INLINED)
def decide(
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
    """One decision at `node` of contexts a, b, c: the bit, given or decoded. All of it adapts."""
    i, j, k = a * NODES + node, b * NODES + node, c * NODES + node
    set_ = (mixer * NODES + node) * K
    opinions, probability = _consult(slots, weights, i, j, k, set_)
    bit = transmit(coder, data, probability, bit)
    _learn(slots, weights, i, j, k, set_, opinions, probability, bit)
    return bit


@njit(**INLINED)
def decide_at(
    coder: Coder,
    data: Bytes,
    slots: Slots,
    weights: Weights,
    i: Int,
    j: Int,
    k: Int,
    mixed: Int,
    bit: Int,
) -> Int:
    """`decide` by the numbers of the three slots and `mixed`, mixer * NODES + node.

    It branches on the bit, so that a processor guesses ahead: faster where one decision's contexts
    depend on the last one's bit, and more code.
    """
    set_ = mixed * K
    opinions, probability = _consult(slots, weights, i, j, k, set_)
    if transmit(coder, data, probability, bit):
        _learn(slots, weights, i, j, k, set_, opinions, probability, np.int64(1))
        return np.int64(1)
    _learn(slots, weights, i, j, k, set_, opinions, probability, np.int64(0))
    return np.int64(0)


@njit(**INLINED)
def price(
    slots: Slots, weights: Weights, a: Int, b: Int, c: Int, mixer: Int, node: Int, bit: Int
) -> Int:
    """Bits * 2^16 that `decide` would take now. Nothing adapts."""
    u = np.int64(slots[a * NODES + node])
    v = np.int64(slots[b * NODES + node])
    w = np.int64(slots[c * NODES + node])
    x = np.int64(STRETCH[np.uint64(u >> STRETCH_SHIFT)])
    y = np.int64(STRETCH[np.uint64(v >> STRETCH_SHIFT)])
    z = np.int64(STRETCH[np.uint64(w >> STRETCH_SHIFT)])
    index = _mixed(weights, (mixer * NODES + node) * K, x, y, z)
    return np.int64(COST[np.uint64(index if bit else 2 * LOGIT_MAX - index)])

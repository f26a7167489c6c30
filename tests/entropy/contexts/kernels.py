# SPDX-License-Identifier: Apache-2.0
"""Kernels for the tests, as users write them; and the two directions around them."""

from __future__ import annotations

import numpy as np
from numba import njit

from flexgs.entropy.contexts import (
    CODING,
    code_bit,
    code_int,
    code_uint,
    cost_bit,
    cost_int,
    cost_uint,
    finish_encoder,
    new_model,
    start_decoder,
    start_encoder,
)
from flexgs.entropy.contexts.coder import transmit
from flexgs.entropy.contexts.options import pointer

SIGNED, UNSIGNED, BITS = range(3)  # bits go to node v // 2 with value v % 2
CONTEXTS, MIXERS = 24, 2  # a in 0..7, b in 8..15, c in 16..23


@njit(**CODING)
def code_all(coder, data, slots, weights, contexts, values, kind):
    """Codes `values` in place; the sum of what every one was to cost."""
    cost = 0
    for i in range(len(values)):
        a, b, c, mixer = contexts[i]
        v = values[i]
        if kind == SIGNED:
            cost += cost_int(slots, weights, a, b, c, mixer, v)
            values[i] = code_int(coder, data, slots, weights, a, b, c, mixer, v)
        elif kind == UNSIGNED:
            cost += cost_uint(slots, weights, a, b, c, mixer, v)
            values[i] = code_uint(coder, data, slots, weights, a, b, c, mixer, v)
        else:
            node = v >> 1
            cost += cost_bit(slots, weights, a, b, c, mixer, node, v & 1)
            bit = code_bit(coder, data, slots, weights, a, b, c, mixer, node, v & 1)
            values[i] = 2 * node + bit
    return cost


@njit(**CODING)
def transmit_all(coder, data, probabilities, bits):
    """Decisions with given probabilities, in place."""
    for i in range(len(bits)):
        bits[i] = transmit(pointer(coder), pointer(data), np.int64(probabilities[i]), bits[i])


def contexts_for(values):
    """(n, 4): opinions by the last two values and the place, as a real kernel would have them."""
    size = np.abs(np.asarray(values, dtype=np.int64))
    last, before = np.zeros_like(size), np.zeros_like(size)
    last[1:], before[2:] = size[:-1], size[:-2]
    place = np.arange(len(size))
    columns = [np.minimum(last, 7), 8 + np.minimum(before, 7), 16 + place % 8, place % MIXERS]
    return np.stack(columns, axis=1)


def encode(values, kind=SIGNED, contexts=None, capacity=None):
    """Payload, and the sum of the costs in bits."""
    given = np.array(values, dtype=np.int64)
    contexts = contexts_for(given) if contexts is None else contexts
    slots, weights = new_model(CONTEXTS, MIXERS)
    coder, data = start_encoder(4 * len(given) + 64 if capacity is None else capacity)
    cost = code_all(coder, data, slots, weights, contexts, given, kind)
    assert given.tolist() == list(values)  # an encoder returns what it was given
    return finish_encoder(coder, data), cost / 65536


def decode(payload, contexts, kind=SIGNED, hints=None, weight=None):
    """Values, and the decoder to check; `weight` is what every weight starts from."""
    values = np.zeros(len(contexts), dtype=np.int64) if hints is None else hints.copy()
    slots, weights = new_model(CONTEXTS, MIXERS)
    if weight is not None:
        weights[:] = weight
    coder, data = start_decoder(payload)
    code_all(coder, data, slots, weights, contexts, values, kind)
    return values, (coder, data)


def send(probabilities, bits, capacity=None):
    """Payload of decisions with given probabilities."""
    coder, data = start_encoder(2 * len(bits) + 8 if capacity is None else capacity)
    transmit_all(coder, data, probabilities, bits.copy())
    return finish_encoder(coder, data)


def receive(payload, probabilities):
    """Decisions, and the decoder to check."""
    bits = np.zeros(len(probabilities), dtype=np.int64)
    coder, data = start_decoder(payload)
    transmit_all(coder, data, probabilities, bits)
    return bits, (coder, data)

# SPDX-License-Identifier: Apache-2.0
"""Integers through the model: exact, at the price that was asked, close to the source's entropy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexgs.entropy.contexts import NODES, VALUE_MAX, K, check_decoder, new_model
from flexgs.entropy.contexts.integers import SECOND_NODE
from flexgs.errors import Corrupt, UsageError
from tests.entropy.contexts.kernels import (
    BITS,
    CONTEXTS,
    MIXERS,
    SIGNED,
    UNSIGNED,
    contexts_for,
    decode,
    encode,
)

SIZES = st.integers(0, 40) | st.integers(0, VALUE_MAX) | st.sampled_from([13, 14, 15, VALUE_MAX])
SIGNED_VALUES = st.tuples(SIZES, st.booleans()).map(lambda pair: -pair[0] if pair[1] else pair[0])
CHOICE = st.tuples(st.integers(0, 7), st.integers(8, 15), st.integers(16, 23), st.integers(0, 1))


def assert_round_trip(values, kind, contexts):
    payload, _ = encode(values, kind, contexts)
    hints = np.array(values, dtype=np.int64) & ~1 if kind == BITS else None
    found, decoder = decode(payload, contexts, kind, hints)
    assert found.tolist() == list(values)
    check_decoder(*decoder)


@given(st.lists(st.tuples(SIGNED_VALUES, CHOICE), max_size=120))
@settings(max_examples=100, deadline=None)
def test_signed_values_come_back(items):
    contexts = np.array([choice for _, choice in items], dtype=np.int64).reshape(-1, 4)
    assert_round_trip([v for v, _ in items], SIGNED, contexts)


@given(st.lists(st.tuples(SIZES, CHOICE), max_size=120))
@settings(max_examples=100, deadline=None)
def test_unsigned_values_come_back(items):
    contexts = np.array([choice for _, choice in items], dtype=np.int64).reshape(-1, 4)
    assert_round_trip([v for v, _ in items], UNSIGNED, contexts)


@given(st.lists(st.tuples(st.integers(0, 2 * NODES - 1), CHOICE), max_size=120))
@settings(max_examples=50, deadline=None)
def test_decisions_at_every_node_come_back(items):
    contexts = np.array([choice for _, choice in items], dtype=np.int64).reshape(-1, 4)
    assert_round_trip([v for v, _ in items], BITS, contexts)


def test_every_value_of_the_small_and_the_borders_of_the_large():
    borders = [14 + (1 << e) + d for e in range(20) for d in (-2, -1, 0, 1)]
    values = [v for v in [*range(300), *borders, VALUE_MAX] if v <= VALUE_MAX]
    assert_round_trip(values, UNSIGNED, contexts_for(values))
    both = [sign * v for v in values for sign in (1, -1)]
    assert_round_trip(both, SIGNED, contexts_for(both))


@pytest.mark.parametrize("value", [0, 1, -1, 13, 14, -VALUE_MAX])
def test_a_constant_costs_next_to_nothing(value):
    values = [value] * 20_000
    payload, _ = encode(values)
    noise = max((abs(value) - 13).bit_length() - 3, 0) / 8 if abs(value) > 13 else 0
    assert len(payload) < 100 + 20_000 * noise
    assert_round_trip(values, SIGNED, contexts_for(values))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (VALUE_MAX + 1, SIGNED),
        (-VALUE_MAX - 1, SIGNED),
        (-(2**63), SIGNED),
        (2**63 - 1, UNSIGNED),
        (-1, UNSIGNED),
    ],
)
def test_what_cannot_be_expressed_is_refused(value, kind):
    from flexgs.entropy.contexts import finish_encoder, start_encoder
    from tests.entropy.contexts.kernels import code_all

    slots, weights = new_model(CONTEXTS, MIXERS)
    coder, data = start_encoder(100)
    code_all(coder, data, slots, weights, contexts_for([0]), np.array([value]), kind)
    with pytest.raises(UsageError, match="beyond what the coder can express"):
        finish_encoder(coder, data)


def test_a_model_has_its_slots_and_weights():
    slots, weights = new_model(5, 3)
    assert (len(slots), slots.dtype, len(weights), weights.dtype) == (
        5 * NODES,
        np.uint32,
        3 * NODES * K,
        np.int32,
    )
    assert SECOND_NODE + 2 == NODES
    assert slots.ctypes.data % 64 == 0  # no context straddles cache lines


def sources(n=60_000):
    """name: (values, entropy in bits a value)."""
    rng = np.random.default_rng(3)
    made = {}
    for scale in (0.25, 1.0, 5.0, 60.0):
        values = np.rint(rng.laplace(0, scale, n)).astype(np.int64)
        edges = np.arange(-40 * scale - 40, 40 * scale + 41) - 0.5
        tail = np.where(edges < 0, 0.5 * np.exp(edges / scale), 1 - 0.5 * np.exp(-edges / scale))
        p = np.diff(tail)
        p = p[p > 0]
        made[f"laplace {scale}"] = values, float(-(p * np.log2(p)).sum())
    values = (rng.random(n) < 0.02).astype(np.int64)
    made["sparse"] = values, float(-(0.02 * np.log2(0.02) + 0.98 * np.log2(0.98)))
    return made


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("laplace 0.25", 0.035),
        ("laplace 1.0", 0.005),
        ("laplace 5.0", 0.015),
        ("laplace 60.0", 0.02),
        ("sparse", 0.05),
    ],
)
def test_size_is_near_the_entropy_of_the_source(name, loss):
    """24 contexts learn from 60,000 values that need none of them."""
    values, entropy = sources()[name]
    payload, cost = encode(values)
    assert 8 * len(payload) < (1 + loss) * len(values) * entropy
    assert abs(8 * len(payload) - cost) < 0.001 * cost + 16


def test_a_drifting_source_is_followed():
    rng = np.random.default_rng(4)
    scales = 0.3 * 20 ** (0.5 + 0.5 * np.sin(np.arange(60_000) / 3000))
    values = np.rint(rng.laplace(0, scales)).astype(np.int64)
    _, counts = np.unique(values, return_counts=True)
    share = counts / counts.sum()
    static = -(share * np.log2(share)).sum()
    assert 8 * len(encode(values)[0]) < 0.93 * len(values) * static


@pytest.mark.parametrize("kind", [SIGNED, UNSIGNED, BITS])
def test_costs_are_what_is_paid(kind):
    rng = np.random.default_rng(6)
    values = np.rint(rng.laplace(0, 10.0 ** rng.uniform(-1, 4, 5000))).astype(np.int64)
    if kind != SIGNED:
        values = np.abs(values) if kind == UNSIGNED else np.abs(values) % (2 * NODES)
    payload, cost = encode(values, kind)
    assert abs(8 * len(payload) - cost) < 0.01 * cost


def test_the_same_values_give_the_same_bytes():
    values = sources(5000)["laplace 5.0"][0]
    assert encode(values)[0].tobytes() == encode(values)[0].tobytes()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_payloads_give_other_values_or_an_error(data):
    values = sources(400)["laplace 5.0"][0]
    contexts = contexts_for(values)
    payload = bytearray(encode(values, SIGNED, contexts)[0].tobytes())
    if data.draw(st.booleans(), label="flip a bit"):
        at = data.draw(st.integers(0, 8 * len(payload) - 1))
        payload[at // 8] ^= 1 << at % 8
    else:
        payload = payload[: data.draw(st.integers(0, len(payload) - 1))]
    found, decoder = decode(bytes(payload), contexts)
    assert np.abs(found).max() <= VALUE_MAX
    try:
        check_decoder(*decoder)
    except Corrupt:
        return
    assert found.tolist() != values.tolist()


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_decode_to_values_in_range(payload):
    starts, counts = np.array([[0, 8, 16, 0], [8, 8, 8, 2]])
    contexts = starts + np.random.default_rng(8).integers(0, counts, (2000, 4))
    for kind in (SIGNED, UNSIGNED):
        assert np.abs(decode(payload, contexts, kind)[0]).max() <= VALUE_MAX


def test_the_byte_codecs_do_not_load_the_compiler():
    code = "import sys, flexgs.entropy; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

# SPDX-License-Identifier: Apache-2.0
"""The range coder alone: exact, as short as the probabilities allow, safe on any bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexgs.entropy.contexts import check_decoder, start_decoder, start_encoder
from flexgs.entropy.contexts.coder import CODE, RANGE
from flexgs.errors import Corrupt, UsageError
from tests.entropy.contexts.kernels import receive, send, transmit_all

EXTREMES = st.sampled_from([1, 2, 255, 256, 32768, 65280, 65534, 65535])
DECISIONS = st.lists(
    st.tuples(st.booleans(), EXTREMES | st.integers(1, 65535)), min_size=0, max_size=300
)


def split(decisions):
    pairs = np.array(decisions, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 1].copy(), pairs[:, 0].copy()


def drawn(n, seed, sharpness):
    """Probabilities of a Beta law, and bits that follow them."""
    rng = np.random.default_rng(seed)
    probabilities = np.clip(rng.beta(sharpness, sharpness, n) * 65536, 1, 65535).astype(np.int64)
    return probabilities, (rng.random(n) * 65536 < probabilities).astype(np.int64)


@given(DECISIONS)
@settings(max_examples=200, deadline=None)
def test_round_trip(decisions):
    probabilities, bits = split(decisions)
    payload = send(probabilities, bits)
    found, decoder = receive(payload, probabilities)
    assert found.tolist() == bits.tolist()
    check_decoder(*decoder)


@pytest.mark.parametrize("bit", [0, 1])
@pytest.mark.parametrize("probability", [1, 3, 32768, 65533, 65535])
def test_runs_of_one_decision(bit, probability):
    """The unlikely ones drive the interval to its ends, where carries run through many bytes."""
    probabilities, bits = np.full(3000, probability), np.full(3000, bit)
    bits[-1] = 1 - bit
    found, decoder = receive(send(probabilities, bits), probabilities)
    assert found.tolist() == bits.tolist()
    check_decoder(*decoder)


def test_a_carry_runs_through_waiting_bytes():
    """0.FFFFFF... waits for a carry until one decision settles it, both ways."""
    for last in (0, 1):
        probabilities, bits = [], []
        low, span = 0, 1 << 32
        for _ in range(400):  # keep the middle of the interval just under a carry
            target = (1 << 32) - low
            probabilities.append(min(max((target << 16) // span, 1), 65535))
            bound = span * probabilities[-1] >> 16
            bits.append(int(low + bound > 1 << 32))
            low, span = (low, bound) if bits[-1] else (low + bound, span - bound)
            while span < 1 << 24:
                low, span = low << 8 & 0xFFFFFFFF, span << 8
                low += (1 << 32) - (1 << 40) if low >> 40 else 0
        bits[-1] = last
        given_, wanted = np.array(probabilities), np.array(bits)
        found, decoder = receive(send(given_, wanted), given_)
        assert found.tolist() == wanted.tolist()
        check_decoder(*decoder)


def test_no_decision_needs_no_byte():
    payload = send(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert len(payload) == 0
    check_decoder(*start_decoder(payload))


def test_bytes_and_arrays_are_payloads():
    probabilities, bits = drawn(500, 1, 0.5)
    payload = send(probabilities, bits)
    assert receive(payload.tobytes(), probabilities)[0].tolist() == bits.tolist()


@pytest.mark.parametrize("sharpness", [0.05, 0.5, 5.0])
def test_size_is_the_entropy(sharpness):
    probabilities, bits = drawn(100_000, 2, sharpness)
    chance = np.where(bits == 1, probabilities, 65536 - probabilities) / 65536
    ideal = -np.log2(chance).sum() / 8
    assert ideal - 1 < len(send(probabilities, bits)) < 1.0001 * ideal + 2


@pytest.mark.parametrize("sharpness", [0.05, 0.5, 5.0])
def test_size_is_that_of_an_independent_coder(sharpness):
    constriction = pytest.importorskip("constriction")
    probabilities, bits = drawn(100_000, 3, sharpness)
    encoder = constriction.stream.queue.RangeEncoder()
    model = constriction.stream.model.Bernoulli(perfect=True)
    encoder.encode(bits.astype(np.int32), model, probabilities / 65536)
    theirs = 4 * len(encoder.get_compressed())
    assert abs(len(send(probabilities, bits)) - theirs) < 0.005 * theirs


def test_a_buffer_of_exactly_the_payload_is_enough():
    for seed in range(40):
        probabilities, bits = drawn(300, seed, 0.5)
        payload = send(probabilities, bits)
        assert send(probabilities, bits, capacity=len(payload)).tobytes() == payload.tobytes()


def test_a_smaller_buffer_is_refused_and_not_overrun():
    probabilities, bits = drawn(2000, 4, 5.0)
    needed = len(send(probabilities, bits))
    for capacity in (0, 1, needed // 2, needed - 8):
        coder, data = start_encoder(capacity)
        guarded = np.full(len(data) + 64, 77, dtype=np.uint8)
        transmit_all(coder, guarded[: len(data)], probabilities, bits.copy())
        assert (guarded[len(data) :] == 77).all()
        with pytest.raises(UsageError, match="too small"):
            send(probabilities, bits, capacity=capacity)


def test_what_lies_behind_the_payload_is_not_read():
    probabilities, bits = drawn(800, 5, 0.5)
    payload = send(probabilities, bits)
    for filler in (0, 85, 255):
        around = np.full(len(payload) + 4096, filler, dtype=np.uint8)
        around[: len(payload)] = payload
        found, decoder = receive(around[: len(payload)], probabilities)
        assert found.tolist() == bits.tolist()
        check_decoder(*decoder)


def test_bytes_behind_the_end_are_refused():
    probabilities, bits = drawn(500, 6, 0.5)
    payload = send(probabilities, bits).tobytes()
    for extra in (b"\0\0", b"\1\2", bytes(100)):
        with pytest.raises(Corrupt, match="does not end with its payload"):
            check_decoder(*receive(payload + extra, probabilities)[1])


@given(DECISIONS, st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_decisions_have_one_payload(decisions, seed):
    """Other bytes either decode to other decisions or are refused."""
    probabilities, bits = split(decisions)
    payload = bytearray(send(probabilities, bits).tobytes())
    rng = np.random.default_rng(seed)
    changed = payload + bytes(1) if not payload or seed % 3 == 0 else payload[:-1]
    if payload and seed % 3 == 1:
        changed = payload[:-1] + bytes([int(payload[-1]) ^ int(rng.integers(1, 256))])
    found, decoder = receive(bytes(changed), probabilities)
    if found.tolist() == bits.tolist():
        with pytest.raises(Corrupt):
            check_decoder(*decoder)


def test_decisions_beyond_the_end_are_refused():
    probabilities, bits = drawn(500, 7, 5.0)
    payload = send(probabilities, bits)
    more = np.concatenate([probabilities, probabilities])
    with pytest.raises(Corrupt, match="does not end with its payload"):
        check_decoder(*receive(payload, more)[1])


@given(st.binary(max_size=60), st.lists(EXTREMES, min_size=200, max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_keep_the_registers_in_bounds(payload, probabilities):
    bits, (coder, _) = receive(payload, np.array(probabilities))
    assert set(bits.tolist()) <= {0, 1}
    assert int(coder[CODE]) < int(coder[RANGE]) <= 1 << 32

# SPDX-License-Identifier: Apache-2.0
"""The kernels do what docs/entropy-coder.md says, bit for bit: a decoder from the text agrees."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from flexgs.entropy.contexts import VALUE_MAX, check_decoder, tables
from tests.entropy.contexts import reference
from tests.entropy.contexts.kernels import (
    BITS,
    SIGNED,
    UNSIGNED,
    contexts_for,
    decode,
    encode,
)

RNG = np.random.default_rng(11)


def sample(kind, n=1500):
    """Values of every size, with runs and with noise."""
    scale = np.repeat(10.0 ** RNG.uniform(-1.5, 5.5, n // 50), 50)
    values = np.clip(RNG.laplace(0, scale), -VALUE_MAX, VALUE_MAX).astype(np.int64)
    if kind == SIGNED:
        return values
    return np.abs(values) if kind == UNSIGNED else RNG.integers(0, 96, n) & ~(values == 0)


def decode_by_the_text(payload, contexts, kind, hints, weight=21845):
    decoder = reference.Decoder(payload, weight)
    values = []
    for (*opinions, mixer), hint in zip(contexts.tolist(), hints.tolist(), strict=True):
        if kind == SIGNED:
            values.append(decoder.signed(opinions, mixer))
        elif kind == UNSIGNED:
            values.append(decoder.unsigned(opinions, mixer))
        else:
            values.append(2 * (hint // 2) + decoder.bit(opinions, mixer, hint // 2))
    return values, decoder


@pytest.mark.parametrize("kind", [SIGNED, UNSIGNED, BITS])
def test_a_decoder_written_from_the_text_agrees(kind):
    values = sample(kind)
    contexts = contexts_for(values)
    payload, _ = encode(values, kind, contexts)
    found, decoder = decode_by_the_text(payload, contexts, kind, values)
    assert found == values.tolist()
    assert decoder.complete()


@pytest.mark.parametrize("kind", [SIGNED, UNSIGNED, BITS])
def test_both_decoders_agree_on_nonsense(kind):
    """Every path of the decoder, also those that no encoder takes."""
    hints = sample(BITS, 1000)
    contexts = contexts_for(hints)
    for length in (0, 3, 400):
        payload = RNG.integers(0, 256, length, dtype=np.uint8)
        found, _ = decode(payload, contexts, kind, hints)
        assert found.tolist() == decode_by_the_text(payload, contexts, kind, hints)[0]


@pytest.mark.parametrize("weight", [-(2**31), 2**31 - 1])
def test_both_decoders_wrap_weights_alike(weight):
    hints = sample(BITS, 3000)
    contexts = contexts_for(hints)
    payload = RNG.integers(0, 256, 400, dtype=np.uint8)
    found, _ = decode(payload, contexts, BITS, hints, weight)
    assert found.tolist() == decode_by_the_text(payload, contexts, BITS, hints, weight)[0]


def test_tables_are_what_the_text_defines():
    logits = range(-tables.LOGIT_MAX, tables.LOGIT_MAX + 1)
    assert tables.SQUASH.tolist() == [reference.SQUASH[logit] for logit in logits]
    assert tables.STRETCH.tolist() == reference.STRETCH
    cost = 65536 * -np.log2(tables.SQUASH / 65536)
    np.testing.assert_allclose(tables.COST, cost, atol=8)


def test_tables_never_change():
    digests = [
        hashlib.sha256(table.astype("<i4").tobytes()).hexdigest()[:16]
        for table in (tables.SQUASH, tables.STRETCH, tables.RATE)
    ]
    assert digests == ["5c75f7db98c8c55a", "3cde83e6c336252a", "eefc5d1e646d6e2e"]


def test_a_payload_never_changes():
    values = [((i * 7919) % 31 - 15) * (1 + i % 3) ** 6 // 64 for i in range(400)]
    payload, _ = encode(values)
    assert hashlib.sha256(payload).hexdigest()[:16] == "d55ea3e867352c2f"
    check_decoder(*decode(payload, contexts_for(values))[1])

# SPDX-License-Identifier: Apache-2.0
"""Damaged and hostile `rd` files: every one ends in a typed error or in a legal scene, and soon."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc

import numpy as np
import pytest

from flexgs.codec import decode_splats, describe
from flexgs.codec.rd_file import head
from flexgs.entropy import codec_by_code
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported
from tests.io.formats.hostile import MAX_SECONDS, bounded_memory

MUTANTS = 1500


def assert_legal(splats):
    assert np.abs(splats.means).max(initial=0) <= 1e7
    assert splats.log_scales.min(initial=0) >= -40
    assert splats.log_scales.max(initial=0) <= 20
    assert np.abs(splats.opacity_logits).max(initial=0) <= 15
    assert np.abs(splats.sh).max(initial=0) <= 1e3
    assert np.allclose(np.linalg.norm(splats.quats, axis=1), 1, atol=1e-5)


def outcome(mutant):
    """The error that a file gives, or None for a legal scene."""
    try:
        assert_legal(decode_splats(mutant))
        describe(mutant)
    except FormatError as error:
        return error
    return None


def test_every_single_bit_flip_is_detected(file):
    data = bytearray(file(2))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            decode_splats(bytes(data))
        data[bit // 8] ^= 1 << bit % 8


def test_every_truncation_and_appended_bytes_are_detected(file):
    data = file(60)
    for length in range(0, len(data), 3):
        with pytest.raises((Truncated, Corrupt)) as caught:
            decode_splats(data[:length])
        assert caught.value.section is not None
    with pytest.raises(Corrupt):
        decode_splats(data + b"\0")


def unpacked_head(parts):
    fields, payload = parts[0]
    return codec_by_code(fields[2]).decode(payload, fields[7])


def with_head(repair, data, raw):
    parts = repair.take_apart(data)
    fields = parts[0][0]
    fields[2], fields[7] = 0, len(raw)
    parts[0] = (fields, bytes(raw))
    return repair.put_together(parts)


def mutate(repair, data, rng):
    """A mutant with right checksums: of a payload, an entry, the sections, or the head."""
    if rng.random() < 0.6:
        parts = repair.take_apart(data)
        row = rng.randrange(2, len(parts))
        fields, payload = parts[row]
        changed = repair.mutate_bytes(payload, rng)
        if fields[2] == 0:  # else the codec refuses, which other tests have
            fields[7] = len(changed)
        parts[row] = (fields, changed)
        return repair.put_together(parts)
    if rng.random() < 0.5:
        return repair.mutate_file(data, rng)
    raw = bytearray(unpacked_head(repair.take_apart(data)))
    for _ in range(rng.choice((1, 2, 8))):
        raw[rng.randrange(len(raw))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return with_head(repair, data, raw)


def survive(repair, files, count, seed):
    """Decodes `count` mutants with right checksums; returns how many were refused."""
    rng, refused = random.Random(seed), 0
    for data in files:
        decode_splats(data)  # compiles the kernels
    with bounded_memory():
        for _ in range(count):
            mutant = mutate(repair, rng.choice(files), rng)
            start = time.process_time()
            error = outcome(mutant)
            refused += error is not None
            assert error is None or len(str(error).splitlines()) <= 3
            assert time.process_time() - start < MAX_SECONDS
    return refused


def files_of(file):
    return [file(1), file(2, 1), file(60), file(300, 0), file(300, 2), file(60, 3, 1e-6)]


def test_mutants_with_right_checksums_end_in_an_error_or_a_legal_scene(repair, file):
    refused = survive(repair, files_of(file), MUTANTS, seed=1)
    assert 0.5 * MUTANTS < refused < MUTANTS  # both outcomes are exercised


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_mutants(repair, file):
    assert survive(repair, files_of(file), 100_000, seed=2) > 0


@pytest.mark.parametrize("name", ["means", "opacity_logits", "log_scales", "quats", "dc", "sh"])
def test_hostile_plain_columns_end_in_an_error_or_a_legal_scene(name, repair, file):
    from flexgs.codec.kinds import RD_KINDS

    rng = np.random.default_rng(7)
    parts = repair.take_apart(file(60))
    row = next(i for i, (f, _) in enumerate(parts) if f[0] == RD_KINDS[name])
    width = {"means": 6, "opacity_logits": 1, "log_scales": 3, "quats": 4, "dc": 4, "sh": 45}[name]
    refused = 0
    for trial in range(60):
        planes = np.zeros((4, width * 60), np.uint8)
        used = 1 + trial % 4
        planes[:used] = rng.integers(0, 256, (used, width * 60))
        planes[:, rng.random(width * 60) < rng.random()] = 0
        fields = list(parts[row][0])
        fields[4], fields[7] = 1, planes.size
        mutant = repair.put_together([*parts[:row], (fields, planes.tobytes()), *parts[row + 1 :]])
        refused += outcome(mutant) is not None
    assert refused > 0


@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [
        (1, "B", 4),  # degree
        (2, "B", 2),  # model
        (3, "B", 1),  # spare
        (4, "Q", 2**63),
        (4, "Q", 0),
        (12, "I", 0),
        (12, "I", 61),  # more chunks than Gaussians
        (head.HEAD_BYTES - 2, "h", 257),  # a band's step
    ],
)
def test_unlawful_heads_are_refused(offset, form, value, repair, file):
    raw = bytearray(unpacked_head(repair.take_apart(file(60))))
    struct.pack_into("<" + form, raw, offset, value)
    with pytest.raises(FormatError) as caught:
        decode_splats(with_head(repair, file(60), raw))
    assert caught.value.section == "head"


def test_a_section_of_the_other_profile_is_refused(repair, file):
    parts = repair.take_apart(file(2))
    parts.insert(2, ([0x10, 1, 0, 1, 0, 0, 0, 1], b"\0"))
    with pytest.raises(Corrupt, match="belongs to nothing"):
        decode_splats(repair.put_together(parts))


@pytest.mark.parametrize(("field", "value"), [(4, 2), (2, 1), (7, 12345)])
def test_forms_are_checked_before_decoding(field, value, repair, file):
    parts = repair.take_apart(file(60))
    parts[-1][0][field] = value
    with pytest.raises(FormatError):
        describe(repair.put_together(parts))


def test_a_future_profile_is_unsupported(repair, file):
    raw = unpacked_head(repair.take_apart(file(2)))
    with pytest.raises(Unsupported, match="profile"):
        decode_splats(with_head(repair, file(2), b"\x03" + raw[1:]))


def test_a_bomb_is_refused_at_once_and_in_little_memory(repair, file):
    raw = bytearray(unpacked_head(repair.take_apart(file(60))))
    struct.pack_into("<QI", raw, 4, 1_000_000, 10)
    bomb = with_head(repair, file(60), raw)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decode_splats(bomb)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_decoding_memory_is_bounded(file):
    data = file(20_000, 1)
    tracemalloc.start()
    decoded = decode_splats(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < decoded.nbytes + 900 * decoded.n + 2**20

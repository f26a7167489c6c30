# SPDX-License-Identifier: Apache-2.0
"""Damaged and hostile files: every one ends in a typed error or in a legal scene, and soon."""

from __future__ import annotations

import importlib.util
import json
import random
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from flexgs.codec import decode_splats, describe, encode_splats, verify
from flexgs.core import Splats
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported
from flexgs.quant import SegmentPlan
from tests.io.formats.hostile import MAX_SECONDS, bounded_memory

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden" / "v1"
BAD = HERE.parent / "bad_data"
SMALL = ("n2-degree1", "one-bit", "degree4")  # all their bits are flipped
SEEDS = ("n1", "n600-degree3", "wide-bits", "odd-bits", "two-bits", "model-2dgs", "plane-d2",
         "codec-raw", "codec-zlib", "codec-zstd", "codec-lzma", "codec-brotli")  # fmt: skip
MUTANTS = 5000


def load_repair():
    spec = importlib.util.spec_from_file_location("repair", HERE / "repair.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


repair = load_repair()


def golden(name):
    return (GOLDEN / f"{name}.fgs").read_bytes()


@pytest.mark.parametrize("name", SMALL)
def test_every_single_bit_flip_is_detected(name):
    data = bytearray(golden(name))
    undetected = []
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        try:
            decode_splats(bytes(data))
            undetected.append(bit)
        except FormatError:
            pass
        data[bit // 8] ^= 1 << bit % 8
    assert undetected == []


@pytest.mark.parametrize("name", ["n2-degree1", "n600-degree3", "codec-brotli"])
def test_every_truncation_and_appended_bytes_are_detected(name):
    data = golden(name)
    step = max(1, len(data) // 2000)
    for length in [*range(0, len(data), step), len(data) - 1]:
        with pytest.raises((Truncated, Corrupt)) as caught:
            decode_splats(data[:length])
        assert caught.value.section is not None
        assert caught.value.offset is not None
    for tail in (b"\0", data):
        with pytest.raises(Corrupt):
            decode_splats(data + tail)


def assert_legal(splats):
    assert np.abs(splats.means).max(initial=0) <= 1e7
    assert splats.log_scales.min(initial=0) >= -40
    assert splats.log_scales.max(initial=0) <= 20
    assert np.abs(splats.opacity_logits).max(initial=0) <= 15
    assert np.abs(splats.sh).max(initial=0) <= 1e3
    assert np.abs(splats.quats).max(initial=0) <= 2
    assert (np.linalg.norm(splats.quats, axis=1) > 1e-8).all()


def outcome(mutant):
    """The error that a file gives, or None for a legal scene."""
    try:
        assert_legal(decode_splats(mutant))
        describe(mutant)
    except FormatError as error:
        return error
    return None


def survive(count, seed):
    """Decodes `count` mutants with right CRCs; returns how many were refused."""
    rng, refused = random.Random(seed), 0
    files = [golden(name) for name in SEEDS]
    with bounded_memory():
        for _ in range(count):
            mutant = repair.mutate_file(rng.choice(files), rng)
            start = time.process_time()
            error = outcome(mutant)
            refused += error is not None
            assert error is None or len(str(error).splitlines()) <= 3
            assert time.process_time() - start < MAX_SECONDS
    return refused


def test_mutants_with_right_checksums_end_in_an_error_or_a_legal_scene():
    refused = survive(MUTANTS, seed=1)
    assert 0.2 * MUTANTS < refused < 0.95 * MUTANTS  # both outcomes are exercised


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_mutants():
    assert survive(100_000, seed=2) > 0


def test_repairing_changes_nothing_by_itself():
    data = golden("n600-degree3")
    assert repair.put_together(repair.take_apart(data)) == data


def scene_of_zeros(n):
    zeros = np.zeros
    splats = Splats(zeros((n, 3)), zeros((n, 3)), np.ones((n, 4)), zeros(n), zeros((n, 16, 3)))
    return encode_splats(splats, SegmentPlan(), effort="fast")


def test_a_bomb_is_refused_at_once_and_in_little_memory():
    parts = [p for p in repair.take_apart(scene_of_zeros(600_000)) if p[0][0] != 3]
    bomb = repair.put_together(parts)
    assert len(bomb) < 20_000
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(TooLarge):
        decode_splats(bomb)
    assert time.process_time() - start < 0.05
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_decoding_memory_is_bounded_by_the_result():
    n = 60_000
    rng = np.random.default_rng(0)
    splats = Splats(rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.normal(size=(n, 4)),
                    rng.normal(size=n), rng.normal(size=(n, 16, 3)) * 0.03)  # fmt: skip
    data = encode_splats(splats, SegmentPlan(), effort="fast")
    del splats
    tracemalloc.start()
    decoded = decode_splats(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * decoded.nbytes + 64 * 2**20


def test_another_profile_is_unsupported_not_corrupt():
    parts = repair.take_apart(golden("n1"))
    raw = verify_head(parts)
    fields = parts[0][0]
    fields[2], fields[7] = 0, 56
    parts[0] = (fields, b"\x03" + raw[1:])
    with pytest.raises(Unsupported, match="profile"):
        decode_splats(repair.put_together(parts))


def verify_head(parts):
    from flexgs.entropy import codec_by_code

    fields, payload = parts[0]
    return codec_by_code(fields[2]).decode(payload, fields[7])


def test_an_optional_section_of_the_future_is_skipped():
    parts = repair.take_apart(golden("n256-degree2"))
    parts.append(([0x7777, 0, 99, 0xFFFF, 0, 0, 0, 5], b"later"))
    assert decode_splats(repair.put_together(parts)).n == 256
    parts[-1][0][1] = 1
    with pytest.raises(Unsupported):
        decode_splats(repair.put_together(parts))


def test_metadata_is_not_needed():
    parts = [p for p in repair.take_apart(golden("n1")) if p[0][0] != 2]
    info = verify(repair.put_together(parts))
    assert info.metadata == {}
    assert info.plan.sh == 4


CATALOGUE = json.loads((BAD / "manifest.json").read_text())
ERRORS = {c.__name__: c for c in (Truncated, Corrupt, Unsupported, TooLarge)}


def test_the_bad_corpus_is_complete():
    assert {path.name for path in BAD.glob("*.fgs")} == set(CATALOGUE)
    text = (BAD / "README.md").read_text()
    assert all(name in text for name in CATALOGUE)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_known_bad_file_gives_its_error(name):
    expected = CATALOGUE[name]
    with pytest.raises(ERRORS[expected["error"]]) as caught:
        verify((BAD / name).read_bytes())
    assert expected["section"] in (caught.value.section or "")

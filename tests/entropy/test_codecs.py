# SPDX-License-Identifier: Apache-2.0
"""The contract of every byte codec in the registry: a new codec is tested by registering it."""

from __future__ import annotations

import contextlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexgs.entropy import byte_codecs, codec_by_code, compress
from flexgs.errors import Corrupt, Unsupported, UsageError

RNG = np.random.default_rng(5)
SAMPLES = {
    "empty": b"",
    "one": b"\x07",
    "zeros": bytes(100_000),
    "noise": RNG.integers(0, 256, 20_000, np.uint8).tobytes(),
    "laplace": np.clip(RNG.laplace(8, 2, 50_000), 0, 15).astype(np.uint8).tobytes(),
    "text": b"per segment, per channel " * 500,
}
every_codec = pytest.mark.parametrize("name", byte_codecs.ids())
every_sample = pytest.mark.parametrize("sample", sorted(SAMPLES))


@every_codec
@every_sample
@pytest.mark.parametrize("effort", ["fast", "best"])
def test_round_trip_is_exact_and_repeatable(name, sample, effort):
    codec, data = byte_codecs.get(name), SAMPLES[sample]
    packed = codec.encode(data, None, effort)
    assert codec.decode(packed, len(data)) == data
    assert codec.encode(data, None, effort) == packed


@every_codec
@every_sample
def test_every_level_round_trips(name, sample):
    codec, data = byte_codecs.get(name), SAMPLES[sample][:3000]
    for level in codec.levels:
        assert codec.decode(codec.encode(data, level, "best"), len(data)) == data


@every_codec
@every_sample
def test_another_length_is_refused(name, sample):
    codec, data = byte_codecs.get(name), SAMPLES[sample]
    packed = codec.encode(data, None, "fast")
    for wrong in {len(data) + 1, max(0, len(data) - 1), 0, 2 * len(data)} - {len(data)}:
        with pytest.raises(Corrupt):
            codec.decode(packed, wrong)


@every_codec
def test_every_truncation_and_every_appended_byte_is_refused(name):
    codec, data = byte_codecs.get(name), SAMPLES["text"][:400]
    packed = codec.encode(data, None, "best")
    for length in range(len(packed)):
        with pytest.raises(Corrupt):
            codec.decode(packed[:length], len(data))
    for tail in (b"\0", b"\xff", packed):
        with pytest.raises(Corrupt):
            codec.decode(packed + tail, len(data))


@pytest.mark.parametrize("name", [n for n in byte_codecs.ids() if n != "raw"])
def test_a_bomb_is_refused_without_making_its_content(name):
    codec = byte_codecs.get(name)
    bomb = codec.encode(bytes(64_000_000), 1, "fast")
    codec.decode(codec.encode(b"warm", None, "fast"), 4)
    tracemalloc.start()
    with pytest.raises(Corrupt):
        codec.decode(bomb, 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@every_codec
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=2000))
def test_any_bytes_round_trip(name, data):
    codec = byte_codecs.get(name)
    assert codec.decode(codec.encode(data, None, "fast"), len(data)) == data


@every_codec
@settings(max_examples=100, deadline=None)
@given(garbage=st.binary(max_size=300), length=st.integers(0, 5000))
def test_garbage_decodes_to_the_length_or_is_corrupt(name, garbage, length):
    with contextlib.suppress(Corrupt):
        assert len(byte_codecs.get(name).decode(garbage, length)) == length


def test_codes_are_unique_and_never_change():
    codes = {name: byte_codecs.get(name).code for name in byte_codecs}
    assert codes == {"raw": 0, "zlib": 1, "zstd": 2, "lzma": 3, "brotli": 4}
    for name, code in codes.items():
        assert codec_by_code(code).name == name


def test_a_file_cannot_name_what_is_not_here():
    with pytest.raises(Unsupported):
        codec_by_code(5)


def test_a_file_cannot_choose_a_codec_that_is_not_for_files(monkeypatch):
    monkeypatch.setattr(byte_codecs.get("zlib"), "decodable", False, raising=False)
    with pytest.raises(Unsupported):
        codec_by_code(1)


@every_sample
@pytest.mark.parametrize("effort", ["fast", "best"])
def test_auto_is_no_longer_than_raw_or_any_of_its_candidates(sample, effort):
    data = SAMPLES[sample]
    name, packed = compress(data, "auto", None, effort)
    assert byte_codecs.get(name).decode(packed, len(data)) == data
    assert len(packed) <= len(data)
    if sample in ("zeros", "laplace", "text"):
        for other in ("zstd", "lzma"):
            assert len(packed) <= len(byte_codecs.get(other).encode(data, None, "fast"))


def test_a_named_codec_is_used_or_raw():
    assert compress(SAMPLES["text"], "zlib", 1, "best")[0] == "zlib"
    assert compress(SAMPLES["noise"], "zlib", 9, "best")[0] == "raw"
    with pytest.raises(UsageError):
        compress(b"abc", "zlib", 22, "best")

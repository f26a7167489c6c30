# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.sh import SH_C0
from flexgs.errors import Corrupt, FormatError, SceneError, TooLarge, Truncated, Unsupported
from flexgs.io.formats.ksplat import read_ksplat, write_ksplat
from flexgs.io.formats.ksplat.layout import HEADER, SECTION
from flexgs.limits import Limits
from tests.io.formats.hostile import check_mutants, outcome
from tests.io.formats.pairs import alpha_error, angles, matched

Make = Callable[..., Splats]

HALF = 0.5 / 255 * 1.001
DATA = HEADER.itemsize + SECTION.itemsize
ROW_BYTES = {(0, 0): 44, (0, 2): 140, (1, 0): 24, (1, 1): 42, (1, 2): 72, (2, 1): 33, (2, 2): 48}


def header(level: int, n: int, degree: int, buckets: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    """Main and section header: `buckets` are those of 256, those of fewer, and bytes a centre."""
    full, partial, centre_bytes = buckets
    main = struct.pack("<4B4IH2x3f2f", 0, 1, 0, 0, 1, 1, n, n, level, 0, 0, 0, -2, 2)
    size, scale = (256, 100) if level else (0, 0)
    section = struct.pack(
        "<4IfH2x4IH", n, n, size, full + partial, 4.0, centre_bytes, scale, 0, full, partial, degree
    )
    return main.ljust(4096, b"\0") + section.ljust(1024, b"\0")


def test_a_plain_row_is_read_as_specified() -> None:
    row = struct.pack("<10f4B", 1, -2, 3, 0.5, 1, 2, 1, 0, 0.5, 0, 255, 0, 51, 102)
    sh = struct.pack("<24f", *range(24))
    splats = read_ksplat(header(0, 1, 2) + row + sh).splats
    assert splats.means.tolist() == [[1, -2, 3]]
    assert np.exp(splats.log_scales) == pytest.approx(np.array([[0.5, 1, 2]]))
    assert splats.quats.tolist() == [[1, 0, 0.5, 0]]
    assert splats.sh[0, 0] == pytest.approx(np.array([0.5, -0.5, -0.3]) / SH_C0)
    assert splats.opacity_logits[0] == pytest.approx(np.log(0.4 / 0.6))
    assert splats.sh[0, 1:4].T.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert splats.sh[0, 4:, 1].tolist() == [14, 15, 16, 17, 18]


def test_a_packed_row_is_read_as_specified() -> None:
    buckets = struct.pack("<I3f", 1, 10, 20, 30)
    row = struct.pack("<3H7e4B9B", 100, 0, 200, 0.5, 1, 2, 1, 0, 0.5, 0, *[255] * 4, *[0] * 8, 255)
    splats = read_ksplat(header(2, 1, 1, (0, 1, 12)) + buckets + row).splats
    assert splats.means.tolist() == [[10, 18, 32]]
    assert np.exp(splats.log_scales) == pytest.approx(np.array([[0.5, 1, 2]]))
    assert splats.sh[0, 1:].tolist() == [[-2, -2, -2], [-2, -2, -2], [-2, -2, 2]]


@pytest.mark.parametrize(("level", "degree"), ROW_BYTES)
@pytest.mark.parametrize("n", [0, 1, 2, 255, 256, 257, 600])
def test_a_scene_comes_back_within_half_a_step(
    random_splats: Make, level: int, degree: int, n: int
) -> None:
    splats = random_splats(n, degree)
    encoded = write_ksplat(splats, level)
    full, partial = np.frombuffer(encoded.data, "<u4", 2, HEADER.itemsize + 32)
    buckets = 12 * int(full) + 16 * int(partial)
    assert len(encoded.data) == DATA + buckets + n * ROW_BYTES[level, degree]
    found = matched(read_ksplat(encoded.data).splats, splats)
    assert found.degree == degree
    assert alpha_error(found, splats) <= HALF
    assert np.abs(found.sh[:, 0] - splats.sh[:, 0]).max(initial=0) * SH_C0 <= HALF
    half_float = 2.0**-11
    position = 0 if level == 0 else np.abs(splats.means).max(initial=0) * 2 / 65534 * 0.51
    assert np.abs(found.means - splats.means).max(initial=0) <= position
    scale = 1e-6 if level == 0 else half_float * 1.01
    assert np.abs(found.log_scales - splats.log_scales).max(initial=0) <= scale
    assert angles(found, splats).max(initial=0) < (1e-3 if level == 0 else 4 * half_float)
    largest = np.abs(splats.sh[:, 1:]).max(initial=0)
    step = {0: 0, 1: half_float * largest, 2: largest / 127 * 0.501}[level]
    assert np.abs(found.sh[:, 1:] - splats.sh[:, 1:]).max(initial=0) <= step


def test_zero_stays_zero_in_eight_bits(random_splats: Make) -> None:
    splats = random_splats(50, 2)
    sh = splats.sh.copy()
    sh[:, 5] = 0
    found = read_ksplat(write_ksplat(replace(splats, sh=sh), 2).data).splats
    assert np.abs(found.sh[:, 5]).max() < 1e-6
    flat = read_ksplat(write_ksplat(replace(splats, sh=np.zeros_like(sh)), 2).data).splats
    assert np.abs(flat.sh[:, 1:]).max() < 1e-6


def test_buckets_are_of_one_block_and_full_ones_come_first(random_splats: Make) -> None:
    splats = random_splats(3000, 0)
    splats = replace(splats, means=splats.means * 2)
    data = write_ksplat(splats, 1).data
    section = np.frombuffer(data, SECTION, 1, HEADER.itemsize)[0]
    assert float(section["block_size"]) == 5
    assert int(section["full_buckets"]) > 3
    assert int(section["partial_buckets"]) > 3
    assert int(section["bytes"]) == len(data) - DATA
    found = matched(read_ksplat(data).splats, splats)
    assert np.abs(found.means - splats.means).max() <= 2.5 / 32767 * 0.51


def test_far_outliers_do_not_cost_the_others_their_places(random_splats: Make) -> None:
    splats = random_splats(400, 0)
    means = splats.means.copy()
    means[7] = [9e5, -9e5, 9e5]
    splats = replace(splats, means=means)
    found = matched(read_ksplat(write_ksplat(splats, 1).data).splats, splats)
    assert np.abs(found.means - means).max() <= 2.5 / 32767 * 0.9  # and float32 at the centre


def test_losses_are_counted(random_splats: Make) -> None:
    splats = random_splats(50, 0)
    scales = splats.log_scales.copy()
    scales[3], scales[4, 1] = 12, -18
    assert write_ksplat(replace(splats, log_scales=scales), 0).losses == ()
    (loss,) = write_ksplat(replace(splats, log_scales=scales), 1).losses
    assert "half floats" in loss.what
    assert loss.count == 2
    found = read_ksplat(write_ksplat(replace(splats, log_scales=scales), 1).data).splats
    assert np.isfinite(found.log_scales).all()


def test_only_what_it_can_hold_is_taken(random_splats: Make) -> None:
    for splats in (random_splats(3, 3), random_splats(3, 0, "2dgs")):
        with pytest.raises(SceneError, match="degree 0 to 2"):
            write_ksplat(splats)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_beginning_of_a_file_is_one(random_splats: Make, level: int) -> None:
    data = write_ksplat(random_splats(5, 1), level).data
    ends = [*range(0, DATA, 97), *range(DATA - 2, len(data))]
    for end in ends:
        with pytest.raises(FormatError) as caught:
            read_ksplat(data[:end])
        assert type(caught.value) is Truncated
    with pytest.raises(Corrupt, match="after the last section"):
        read_ksplat(data + b"\0")


@pytest.mark.parametrize(
    ("offset", "value", "error"),
    [
        (0, b"\1", Unsupported),
        (20, b"\3", Unsupported),
        (4, b"\xff\xff\xff\xff", TooLarge),
        (4, b"\0", Corrupt),
        (4, b"\2", Truncated),
        (8, b"\2", Corrupt),
        (16, b"\xff\xff\xff\xff", TooLarge),
        (16, b"\6", Corrupt),
        (4096, b"\6", Corrupt),
        (4096 + 4, b"\xff\xff\xff\xff", Truncated),
        (4096 + 4, b"\4", Corrupt),
        (4096 + 12, b"\7", Corrupt),
        (4096 + 20, b"\7", Corrupt),
        (4096 + 32, b"\xff\xff\xff\xff", Truncated),
        (4096 + 36, b"\xff\xff\xff\xff", Truncated),
        (4096 + 40, b"\3", Corrupt),
        (DATA, b"\xff\xff\xff\xff", Corrupt),
    ],
)
def test_lies_in_the_headers_are_refused(
    random_splats: Make, offset: int, value: bytes, error: type[FormatError]
) -> None:
    data = bytearray(write_ksplat(random_splats(5, 1), 1).data)
    full = int(np.frombuffer(data, "<u4", 1, 4096 + 32)[0])
    assert full == 0
    data[offset : offset + len(value)] = value
    with pytest.raises(FormatError) as caught:
        read_ksplat(bytes(data))
    assert type(caught.value) is error, caught.value
    assert caught.value.section is not None


def test_the_limit_of_gaussians_is_the_callers(random_splats: Make) -> None:
    data = write_ksplat(random_splats(10, 0)).data
    with pytest.raises(TooLarge):
        read_ksplat(data, Limits(max_gaussians=9))


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("level", [0, 2])
def test_mutants_end_in_a_scene_or_a_format_error(
    random_splats: Make, count: int, level: int
) -> None:
    """Bytes that mean something are hit: a header is mostly zeros that nobody reads."""
    data = write_ksplat(random_splats(300, 1), level).data
    rng = np.random.default_rng(level)
    used = np.array([*range(45), *range(4096, 4096 + 44), *range(DATA, len(data))])
    weights = np.r_[np.full(89, 0.5 / 89), np.full(len(data) - DATA, 0.5 / (len(data) - DATA))]

    def mutant() -> bytes:
        out = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            out[int(rng.choice(used, p=weights))] = int(rng.integers(0, 256))
        if rng.random() < 0.2:
            del out[int(rng.integers(0, len(out))) :]
        return bytes(out)

    check_mutants(read_ksplat, (mutant() for _ in range(count)), 40)


def test_sections_of_different_degrees_are_joined(random_splats: Make) -> None:
    parts = [write_ksplat(random_splats(3, degree, seed=degree), 0).data for degree in (0, 2)]
    head = bytearray(parts[0][:4096])
    head[4:20] = struct.pack("<4I", 2, 2, 6, 6)
    joined = bytes(head) + b"".join(part[4096:DATA] for part in parts)
    found = read_ksplat(joined + b"".join(part[DATA:] for part in parts)).splats
    assert found.degree == 2
    assert (found.sh[:3, 1:] == 0).all()
    assert np.array_equal(found.sh[3:, 1:], random_splats(3, 2, seed=2).sh[:, 1:])
    assert outcome(read_ksplat, joined) == "error"

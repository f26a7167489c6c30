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
from flexgs.io.formats.compressed_ply import read_compressed_ply, write_compressed_ply
from flexgs.io.formats.compressed_ply.layout import (
    AXIS_WEIGHTS,
    CHUNK,
    COLOUR_RANGE,
    PACKED,
    POSITION_RANGE,
    SCALE_RANGE,
    SH_OF_BYTE,
    pack_rotation,
    sh_bytes,
    unpack_rotation,
)
from flexgs.io.formats.compressed_ply.order import chunk_order
from flexgs.limits import Limits
from tests.io.formats.hostile import check_mutants, check_truncations
from tests.io.formats.pairs import alpha_error, angles, matched

Make = Callable[..., Splats]

RANGES = [*POSITION_RANGE, *SCALE_RANGE]


def header(
    chunks: int, n: int, ranges: list[str] = RANGES, sh: int = 0, comment: str = "by hand"
) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", f"comment {comment}"]
    lines += [f"element chunk {chunks}", *(f"property float {name}" for name in ranges)]
    lines += [f"element vertex {n}", *(f"property uint {name}" for name in PACKED)]
    if sh:
        lines += [f"element sh {n}", *(f"property uchar f_rest_{i}" for i in range(sh))]
    return "\n".join([*lines, "end_header", ""]).encode()


ENDS = struct.pack("<12f", 0, 0, 0, 2047, 1023, 2047, -4, -4, -4, 0, 0, 0)
ROW = struct.pack(
    "<4I",
    (5 << 21) | (7 << 11) | 9,
    (2 << 30) | (1023 << 20) | (0 << 10) | 1023,
    (2047 << 21) | (0 << 11) | 0,
    (255 << 24) | (0 << 16) | (51 << 8) | 102,
)


def test_a_row_is_read_as_specified() -> None:
    splats = read_compressed_ply(header(1, 1) + ENDS + ROW).splats
    assert splats.means == pytest.approx(np.array([[5, 7, 9]]))
    assert splats.log_scales.tolist() == [[0, -4, -4]]
    root = np.sqrt(0.5)
    assert splats.quats == pytest.approx(np.array([[root, -root, 0, root]]), abs=1e-6)
    assert splats.sh[0, 0] == pytest.approx(np.array([0.5, -0.5, -0.3]) / SH_C0)
    assert splats.opacity_logits[0] == pytest.approx(np.log(0.4 / 0.6))


def test_colours_have_a_range_in_newer_files() -> None:
    ends = ENDS + struct.pack("<6f", -1, -1, -1, 2, 3, 4)
    splats = read_compressed_ply(header(1, 1, [*RANGES, *COLOUR_RANGE]) + ends + ROW).splats
    assert splats.sh[0, 0] == pytest.approx(np.array([1.5, -1.5, -0.5]) / SH_C0)


def test_spherical_harmonics_come_channel_by_channel() -> None:
    rest = bytes([0, 128, 255, *[0] * 5, 1])
    splats = read_compressed_ply(header(1, 1, sh=9) + ENDS + ROW + rest).splats
    assert splats.sh[0, 1:, 0] == pytest.approx(np.array([-4, 0.015625, 4]))
    assert splats.sh[0, 1:, 2] == pytest.approx(np.array([-4, -4, -3.953125]))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 255, 256, 257, 600])
def test_a_scene_comes_back_within_half_a_step(random_splats: Make, degree: int, n: int) -> None:
    splats = random_splats(n, degree)
    encoded = write_compressed_ply(splats)
    chunks, extra = -(-n // CHUNK), [0, 9, 24, 45][degree]
    assert len(encoded.data.split(b"end_header\n", 1)[1]) == 72 * chunks + (16 + extra) * n
    assert encoded.losses == ()
    found = matched(read_compressed_ply(encoded.data).splats, splats)
    assert found.degree == degree
    steps = np.array([2047, 1023, 2047])
    for name in ("means", "log_scales"):
        values = getattr(splats, name)
        if n:  # one chunk has the range of all, several have at most that
            half = np.ptp(values, axis=0) / steps * 0.501 + 1e-6
            assert (np.abs(getattr(found, name) - values) <= half).all()
    assert alpha_error(found, splats) <= 0.5 / 255 * 1.001
    assert angles(found, splats).max(initial=0) < 4 * np.sqrt(2) / 1023
    colours = splats.sh[:, 0]
    half = np.ptp(colours, axis=0) / 255 * 0.501 if n else 0
    assert (np.abs(found.sh[:, 0] - colours) <= half + 1e-6).all()
    assert np.abs(found.sh[:, 1:] - splats.sh[:, 1:]).max(initial=0) <= 4 / 256 * 1.001


def test_every_level_of_sh_is_found_again_and_the_nearest_is_taken() -> None:
    assert np.array_equal(sh_bytes(SH_OF_BYTE), np.arange(256))
    values = np.linspace(-5, 5, 4001, dtype=np.float32)
    best = np.abs(values[:, None] - SH_OF_BYTE).min(axis=1)
    assert np.abs(values - SH_OF_BYTE[sh_bytes(values)]) == pytest.approx(best, abs=1e-6)


def test_zeros_of_sh_err_to_both_sides(random_splats: Make) -> None:
    splats = random_splats(300, 3)
    none = replace(splats, sh=splats.sh * (np.arange(16) == 0)[:, None])
    rest = read_compressed_ply(write_compressed_ply(none).data).splats.sh[:, 1:]
    assert (np.abs(rest) == 1 / 64).all()
    assert np.abs(rest.mean(axis=0)).max() < 1e-6
    assert np.abs(rest.mean(axis=(1, 2))).max() < 0.1 / 64


def test_rotations_of_any_largest_component_come_back() -> None:
    quats = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    quats[:8] = np.r_[np.eye(4), -np.eye(4)]
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    packed = pack_rotation(quats)
    assert set(packed >> 30) == {0, 1, 2, 3}
    found = unpack_rotation(packed)
    assert np.abs(np.einsum("ij,ij->i", found, quats)).min() > 1 - 1e-5
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(pack_rotation(-quats), packed)


def test_chunks_are_small_boxes() -> None:
    n = 64 * CHUNK + 1
    means = np.random.default_rng(0).uniform(0, 1, (n, 3)).astype(np.float32)
    order = chunk_order(means, CHUNK, np.ones(3, np.float32))
    assert sorted(order) == list(range(n))
    starts = np.arange(0, n, CHUNK)
    sizes = np.maximum.reduceat(means[order], starts) - np.minimum.reduceat(means[order], starts)
    assert np.median(sizes) < 0.3  # 64 equal cubes have 0.25
    weighted = chunk_order(means, CHUNK, AXIS_WEIGHTS)
    flat = np.maximum.reduceat(means[weighted], starts) - np.minimum.reduceat(
        means[weighted], starts
    )
    assert np.median(flat[:, 1]) < 0.7 * np.median(flat[:, 0])


def test_chunks_of_equal_places_end(random_splats: Make) -> None:
    order = chunk_order(np.zeros((1000, 3), np.float32), CHUNK, AXIS_WEIGHTS)
    assert sorted(order) == list(range(1000))


@pytest.mark.parametrize("model", ["mip", "2dgs"])
def test_how_to_render_is_said(random_splats: Make, model: str) -> None:
    splats = random_splats(30, 0, model)
    found = read_compressed_ply(write_compressed_ply(splats).data).splats
    assert found.model == model
    if model == "2dgs":
        assert (found.log_scales[:, 2] < found.log_scales[:, :2].min(axis=1) - 10).all()


def test_losses_are_counted(random_splats: Make) -> None:
    splats = random_splats(50, 1)
    sh, scales = splats.sh.copy(), splats.log_scales.copy()
    sh[3, 2, 1], sh[4, 1, 0], sh[5, 0, 0] = 5, -7, 90
    scales[6] = -30
    encoded = write_compressed_ply(replace(splats, sh=sh, log_scales=scales))
    assert [str(loss) for loss in encoded.losses] == [
        "log scales beyond +-20 were clipped: 1 Gaussians, worst -30",
        "SH beyond +-4 were clipped: 2 Gaussians, worst -7",
    ]
    found = matched(read_compressed_ply(encoded.data).splats, splats)
    assert found.sh[3, 2, 1] == 4
    assert found.sh[5, 0, 0] == pytest.approx(90, abs=0.2)


def test_only_what_it_can_hold_is_taken(random_splats: Make) -> None:
    with pytest.raises(SceneError, match="degree 4"):
        write_compressed_ply(random_splats(3, 4))


def test_every_truncation_is_refused(random_splats: Make) -> None:
    check_truncations(read_compressed_ply, write_compressed_ply(random_splats(5, 1)).data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (header(1, 1).replace(b"little", b"big") + ENDS + ROW, None),
        (header(1, 1).replace(b"binary_little_endian", b"ascii") + ENDS + ROW, Unsupported),
        (header(0, 1) + ROW, Corrupt),
        (header(2, 1) + ENDS * 2 + ROW, Corrupt),
        (header(1, 257) + ENDS + ROW * 257, Corrupt),
        (header(1, 1, RANGES[:-1]) + ENDS[4:] + ROW, Corrupt),
        (header(1, 1, [*RANGES, "min_r"]) + ENDS + b"\0" * 4 + ROW, Corrupt),
        (header(1, 1, sh=8) + ENDS + ROW + b"\0" * 8, Corrupt),
        (header(1, 1, sh=9).replace(b"sh 1", b"sh 2") + ENDS + ROW + b"\0" * 18, Corrupt),
        (header(1, 1).replace(b"uint packed_scale", b"int packed_scale") + ENDS + ROW, Corrupt),
        (header(1, 1).replace(b"float min_x", b"double min_x") + b"\0" * 4 + ENDS + ROW, Corrupt),
        (header(1, 1).replace(b"element vertex 1", b"element points 1") + ENDS + ROW, Corrupt),
        (header(78125, 20_000_000) + ENDS, Truncated),
        (header(10**9, 256 * 10**9) + ENDS, TooLarge),
        (header(1, 1).replace(b"property uint packed_scale\n", b"") + ENDS + ROW[4:], Corrupt),
        (header(1, 1) + ENDS + ROW + b"\0", Corrupt),
        (
            header(1, 1).replace(b"end_header", b"element x 9999\nend_header") + ENDS + ROW,
            Corrupt,
        ),
    ],
)
def test_lies_in_the_header_are_refused(data: bytes, error: type[FormatError] | None) -> None:
    if error is None:  # an order of bytes that nobody writes, but a header may say
        assert read_compressed_ply(data).splats.n == 1
        return
    with pytest.raises(FormatError) as caught:
        read_compressed_ply(data)
    assert type(caught.value) is error, caught.value
    assert caught.value.section is not None


def test_the_limit_of_gaussians_is_the_callers(random_splats: Make) -> None:
    data = write_compressed_ply(random_splats(10, 0)).data
    with pytest.raises(TooLarge):
        read_compressed_ply(data, Limits(max_gaussians=9))


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("degree", [0, 2])
def test_mutants_end_in_a_scene_or_a_format_error(
    random_splats: Make, mutate: Callable[..., bytes], count: int, degree: int
) -> None:
    data = write_compressed_ply(random_splats(300, degree)).data
    end, rng = data.index(b"end_header"), np.random.default_rng(degree)

    def mutant() -> bytes:
        if rng.random() < 0.3:
            return mutate(data[:end], rng) + data[end:]
        out = bytearray(data)
        for at in rng.integers(end, len(out), 20):
            out[at] = int(rng.integers(0, 256))
        return bytes(out)

    check_mutants(read_compressed_ply, (mutant() for _ in range(count)), 30)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.transforms import mirror_axes, place
from flexgs.errors import SceneError, UsageError
from flexgs.io.formats.spz import PRECISIONS, Precision, read_spz, write_spz
from flexgs.io.formats.spz.layout import COORDINATES, FRAMES
from flexgs.io.formats.spz.read import frame_to_ours
from tests.io.formats.pairs import alpha_error

Make = Callable[..., Splats]

VERSIONS = (2, 3, 4)
SIZES = (0, 1, 2, 255, 257)


def matched(read: Splats, original: Splats) -> Splats:
    """What was read in the order of the original: files are in Morton order."""
    if not read.n:
        return read
    rows = cKDTree(read.means).query(original.means)[1]
    assert np.array_equal(np.sort(rows), np.arange(original.n))
    return read.select(rows)


def quat_degrees(a: Splats, b: Splats) -> np.ndarray:  # (n,)
    a4, b4 = (s.quats.astype(np.float64) for s in (a, b))
    a4, b4 = (q / np.linalg.norm(q, axis=1, keepdims=True) for q in (a4, b4))
    sine = np.minimum(np.linalg.norm(a4 - b4, axis=1), np.linalg.norm(a4 + b4, axis=1)) / 2
    return np.degrees(4 * np.arcsin(sine))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", SIZES)
def test_round_trips_stay_within_the_steps_of_the_format(
    random_splats: Make, version: int, degree: int, n: int
) -> None:
    before = random_splats(n, degree)
    before = replace(before, sh=np.clip(before.sh, -0.95, 0.95))
    encoded = write_spz(before, version)
    assert encoded.losses == ()
    read = read_spz(encoded.data)
    assert read.notes == ()
    a, b = before, matched(read.splats, before)
    assert (b.n, b.degree, b.model) == (n, degree, "3dgs")
    if not n:
        return
    step = 2.0 ** -fractional_bits(encoded.data)
    assert step <= np.exp(np.quantile(np.median(a.log_scales, axis=1), 0.1)) / 8
    assert np.abs(a.means - b.means).max() <= step / 2 + 1e-6
    assert np.abs(a.log_scales - b.log_scales).max() <= 1 / 32 + 1e-6
    difference = sigmoid(a.opacity_logits) - sigmoid(b.opacity_logits)
    assert np.abs(difference).max() <= 0.5 / 255 + 1e-6
    assert np.abs(a.sh[:, 0] - b.sh[:, 0]).max() <= 0.5 / 255 / 0.15 + 1e-6
    if degree:
        assert np.abs(a.sh[:, 1:] - b.sh[:, 1:]).max() <= 5 / 128 + 1e-6
    if version > 2:  # three numbers half a step of 1/(511 sqrt 2) off, and the one they give
        assert quat_degrees(a, b).max() <= 0.28
    else:
        assert np.median(quat_degrees(a, b)) <= 0.8  # w carries the errors of the others


def fractional_bits(data: bytes) -> int:
    return (zlib.decompress(data, 31) if data[:2] == b"\x1f\x8b" else data)[13]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_read_and_written_again_is_the_same(random_splats: Make, version: int) -> None:
    first = read_spz(write_spz(random_splats(257, 3), version).data).splats
    again = read_spz(write_spz(first, version).data).splats
    for name in ("log_scales", "opacity_logits", "sh"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert quat_degrees(first, again).max() <= (0.28 if version > 2 else 8)


@pytest.mark.parametrize("version", VERSIONS)
def test_files_do_not_depend_on_the_order_of_slices(random_splats: Make, version: int) -> None:
    splats = random_splats(40_000, 1)  # two slices
    data = write_spz(splats, version).data
    assert data == write_spz(splats, version).data
    assert read_spz(data).splats.n == 40_000


def test_a_finer_step_of_sh_is_kept(random_splats: Make) -> None:
    before = replace(random_splats(50, 3), sh=np.full((50, 16, 3), 3 / 128, np.float32))
    after = read_spz(write_spz(before, precision=Precision(sh=1)).data).splats
    assert np.array_equal(after.sh[:, 1:], before.sh[:, 1:])
    coarse = read_spz(write_spz(before, precision=Precision(sh=16)).data).splats
    assert not coarse.sh[:, 1:].any()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_stays_within_half_a_step(
    random_splats: Make, precision: Precision
) -> None:
    before = random_splats(500, 2)
    before = replace(before, sh=np.clip(before.sh, -0.95, 0.95))
    after = matched(read_spz(write_spz(before, 3, precision).data).splats, before)
    assert alpha_error(after, before) <= 0.501 * precision.alphas / 255
    assert np.abs(after.sh[:, 1:] - before.sh[:, 1:]).max() <= 0.501 * precision.sh / 128
    assert np.abs(after.sh[:, 0] - before.sh[:, 0]).max() <= 0.501 * precision.colours / 38.25
    assert np.abs(after.log_scales - before.log_scales).max() <= 0.501 * precision.scales / 16
    assert quat_degrees(after, before).max() <= 0.28 * precision.quats


def test_coarser_is_smaller(random_splats: Make) -> None:
    splats = random_splats(2000)
    sizes = [len(write_spz(splats, 3, precision).data) for precision in PRECISIONS]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.75 * sizes[0]


@pytest.mark.parametrize("model", ["3dgs", "mip"])
@pytest.mark.parametrize("version", VERSIONS)
def test_antialiased_scenes_say_so(random_splats: Make, version: int, model: str) -> None:
    data = write_spz(random_splats(5, 0, model), version).data
    assert read_spz(data).splats.model == model


# What a file means, number by number, written from the description alone.


def plain_decode(body: bytes) -> dict[str, list[float]]:
    """The first Gaussian of a gunzipped version 3 of degree 1 that has one Gaussian."""
    magic, version, n, degree, fractional, _, _ = struct.unpack("<IIIBBBB", body[:16])
    assert (magic, version, n, degree) == (0x5053474E, 3, 1, 1)
    assert len(body) == 16 + 9 + 1 + 3 + 3 + 4 + 9
    means = [
        int.from_bytes(body[16 + 3 * i : 19 + 3 * i], "little", signed=True) / 2**fractional
        for i in range(3)
    ]
    word = struct.unpack("<I", body[32:36])[0]
    values: list[float] = []
    for shift in (20, 10, 0):
        field = word >> shift & 1023
        values.append((-1 if field >> 9 else 1) * (field & 511) / 511 / math.sqrt(2))
    values.insert(word >> 30, math.sqrt(1 - sum(v * v for v in values)))
    return {
        "means": means,
        "alpha": [body[25] / 255],
        "dc": [(u / 255 - 0.5) / 0.15 for u in body[26:29]],
        "log_scales": [u / 16 - 10 for u in body[29:32]],
        "quat": [values[3], *values[:3]],
        "sh": [(u - 128) / 128 for u in body[36:45]],
    }


@pytest.mark.parametrize("seed", range(20))
def test_bytes_are_those_of_the_description(random_splats: Make, seed: int) -> None:
    splats = random_splats(1, 1, seed=seed)
    data = write_spz(splats, 3).data
    plain, read = plain_decode(zlib.decompress(data, 31)), read_spz(data).splats
    np.testing.assert_allclose(plain["means"], read.means[0], atol=1e-6)
    np.testing.assert_allclose(plain["alpha"], sigmoid(read.opacity_logits), atol=1e-6)
    np.testing.assert_allclose(plain["dc"], read.sh[0, 0], atol=1e-6)
    np.testing.assert_allclose(plain["log_scales"], read.log_scales[0], atol=1e-6)
    np.testing.assert_allclose(plain["sh"], read.sh[0, 1:].reshape(-1), atol=1e-6)
    np.testing.assert_allclose(plain["quat"], read.quats[0], atol=1e-6)
    kept = replace(splats, quats=np.array([plain["quat"]]))
    assert quat_degrees(splats, kept).max() <= 0.28
    step = 2.0 ** -fractional_bits(data)
    np.testing.assert_allclose(plain["means"], splats.means[0], atol=step / 2 + 1e-6)


def version_1(n: int = 3) -> bytes:
    positions = np.arange(3 * n, dtype="<f2") / 4
    header = struct.pack("<IIIBBBB", 0x5053474E, 1, n, 0, 12, 0, 0)
    blocks = positions.tobytes() + b"\x80" * n + b"\x80" * 3 * n + b"\x50" * 3 * n
    body = header + blocks + b"\xff\x7f\x7f" * n
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return deflate.compress(body) + deflate.flush()


def test_version_1_has_half_floats() -> None:
    splats = read_spz(version_1()).splats
    assert np.array_equal(splats.means.reshape(-1), np.arange(9, dtype=np.float32) / 4)
    assert np.array_equal(splats.log_scales, np.full((3, 3), -5, np.float32))
    np.testing.assert_allclose(splats.quats, [[0, 1, 0, 0]] * 3, atol=0.01)


def test_opaque_and_transparent_become_our_largest_logits(random_splats: Make) -> None:
    splats = replace(random_splats(2, 0), opacity_logits=np.array([40.0, -40.0]))
    encoded = write_spz(splats)
    assert sorted(read_spz(encoded.data).splats.opacity_logits) == [-15, 15]
    assert [(loss.what, loss.count) for loss in encoded.losses] == [
        ("opacities under half a step of bytes became 0", 1)
    ]


# What cannot be held is counted.


def losses_of(splats: Splats, version: int = 3) -> dict[str, tuple[int, float | None]]:
    return {loss.what: (loss.count, loss.worst) for loss in write_spz(splats, version).losses}


def test_values_out_of_range_are_clipped_and_counted(random_splats: Make) -> None:
    splats = random_splats(40_000, 2)
    scales, sh, means = splats.log_scales.copy(), splats.sh.clip(-1, 1), splats.means.copy()
    scales[:3, 1], scales[5, 0], scales[39_999, 2] = -12.5, 8.25, -11
    sh[7, 3, 1], sh[8, 8, 2], sh[9, 0, 0] = 1.5, -2.5, 4
    means[11, 1] = -9e6
    found = losses_of(replace(splats, log_scales=scales, sh=sh, means=means))
    assert found == {
        "positions beyond +-8.38861e+06 were moved there": (1, -9e6),
        "log scales under -10 were raised": (4, -12.5),
        "log scales over 5.9375 were lowered": (1, 8.25),
        "SH beyond +-1 were clipped": (2, -2.5),
        "DC beyond +-3.333 was clipped": (1, 4.0),
    }
    again = read_spz(write_spz(replace(splats, means=means)).data).splats
    assert again.means.min() == -(2**23 - 1)


def test_nothing_wraps_around_beyond_2048(random_splats: Make) -> None:
    means = np.array([[5000.0, -70000.0, 0.5], [2100.0, 1.0, -2049.0]])
    before = replace(random_splats(2, 0), means=means)
    encoded = write_spz(before)
    assert encoded.losses == ()
    after = read_spz(encoded.data).splats.means
    np.testing.assert_allclose(after[np.argsort(-after[:, 0])], means, atol=2**-7)


def test_small_objects_keep_their_shape(random_splats: Make) -> None:
    before = random_splats(100, 0)
    small = replace(before, means=before.means * 1e-4, log_scales=before.log_scales / 2 - 9)
    after = matched(read_spz(write_spz(small).data).splats, small)
    assert (
        np.abs(after.means - small.means).max() <= 2**-17
    )  # what 24 bits behind the dot would do, and 12 would not


def test_flat_gaussians_need_no_more_bits(random_splats: Make) -> None:
    before = random_splats(100, 0)
    flat = before.log_scales.copy()
    flat[np.arange(100), flat.argmin(axis=1)] = -14
    one = fractional_bits(write_spz(before).data)
    assert fractional_bits(write_spz(replace(before, log_scales=flat)).data) == one


def test_what_no_spz_can_hold_is_refused(random_splats: Make) -> None:
    with pytest.raises(UsageError, match="version"):
        write_spz(random_splats(1), version=1)
    with pytest.raises(UsageError, match="step"):
        write_spz(random_splats(1), precision=Precision(sh=0))
    flat = Splats(*(np.zeros(s) for s in ((1, 2), (1, 2), (1, 4), (1,), (1, 1, 3))))
    with pytest.raises(SceneError, match="3-D"):
        write_spz(flat)


# Frames


def with_frame(data: bytes, number: int, version: int) -> bytes:
    """A file that says its frame in an extension, behind one that nobody knows."""
    record = struct.pack("<IIf", 0xADBE0002, 4, 1.0) + struct.pack("<III", COORDINATES, 4, number)
    if version == 4:
        toc = struct.pack("<I", 32 + len(record))
        head = data[:14] + bytes([data[14] | 2, data[15]]) + toc + data[20:32]
        return head + record + data[32:]
    body = zlib.decompress(data, 31)
    deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
    changed = body[:14] + bytes([body[14] | 2]) + body[15:] + record
    return deflate.compress(changed) + deflate.flush()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", range(1, 17))
def test_a_frame_that_a_file_names_is_turned_to_ours(
    random_splats: Make, version: int, number: int
) -> None:
    data = write_spz(random_splats(20, 3), version).data
    raw = read_spz(data).splats
    read = read_spz(with_frame(data, number, version))
    assert read.notes == ("1 SPZ extensions left out",)
    axes = frame_to_ours(FRAMES[number])
    assert np.array_equal(np.abs(axes).sum(axis=0), [1, 1, 1])
    wanted = place(raw, axes)
    for name in ("means", "quats", "sh", "log_scales"):
        np.testing.assert_allclose(
            getattr(read.splats, name), getattr(wanted, name), atol=1e-6, err_msg=name
        )


def test_frames_are_named_by_where_their_axes_point(random_splats: Make) -> None:
    data = write_spz(random_splats(20, 3)).data
    raw = read_spz(data).splats
    for frame, signs in (("RUB", (1, -1, -1)), ("LUF", (-1, -1, 1)), ("RUF", (1, -1, 1))):
        turned, wanted = read_spz(data, frame=frame).splats, mirror_axes(raw, signs)
        assert np.array_equal(turned.means, wanted.means)
        np.testing.assert_allclose(turned.sh, wanted.sh, atol=1e-6)
        assert quat_degrees(turned, wanted).max() < 1e-3
    # blender's right, front, up
    assert np.array_equal(frame_to_ours("RFU") @ [1, 2, 3], [1, -3, 2])


def test_sh_of_degree_4_are_cut(random_splats: Make) -> None:
    splats = random_splats(3, 3)
    body = bytearray(zlib.decompress(write_spz(splats).data, 31))
    body[12] = 4
    start = len(body) - 3 * 45
    rows = [bytes(body[start + 45 * i : start + 45 * (i + 1)]) + b"\x90" * 27 for i in range(3)]
    deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = deflate.compress(bytes(body[:start]) + b"".join(rows)) + deflate.flush()
    read = read_spz(data)
    assert read.notes == ("SH of degree 4 cut to degree 3",)
    assert np.array_equal(read.splats.sh, read_spz(write_spz(splats).data).splats.sh)


def test_biker_is_read(data_dir: Path) -> None:
    path = data_dir / "formats" / "biker.spz"
    if not path.is_file():
        pytest.skip("no formats/biker.spz among the real scenes")
    read = read_spz(path.read_bytes())
    splats = read.splats
    assert (splats.n, splats.degree, splats.model, read.notes) == (152_746, 0, "3dgs", ())
    np.testing.assert_allclose(splats.means.min(axis=0), [-0.62134, 0, -0.61328], atol=1e-4)
    np.testing.assert_allclose(splats.means.max(axis=0), [0.41431, 3.18018, 0.53223], atol=1e-4)
    again = read_spz(write_spz(splats, 4).data).splats
    assert np.abs(np.sort(again.means, axis=0) - np.sort(splats.means, axis=0)).max() <= 2**-13
    assert np.array_equal(np.sort(again.opacity_logits), np.sort(splats.opacity_logits))

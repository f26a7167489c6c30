# SPDX-License-Identifier: Apache-2.0
"""The arrays for Spark, decoded again as its shaders do."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.rotations import quats_to_matrices
from flexgs.core.sh import SH_C0
from flexgs.viewer.spark_arrays import (
    pack_coefficients,
    pack_rotations,
    spark_arrays,
    texel_count,
)
from tests.viewer.conftest import ball


def halves(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pairs = words.astype("<u4").view("<u2").reshape(-1, 2).view("<f2").astype(np.float64)
    return pairs[:, 0], pairs[:, 1]


def unpack_coefficients(words: np.ndarray) -> np.ndarray:
    """decodeExtRgb of splatDefines.glsl."""
    step = np.exp2((words >> 27).astype(np.float64) - 15) / 255
    channels = [
        np.where(words >> (24 + c) & 1, -1, 1) * ((words >> (8 * c)) & 255) * step for c in range(3)
    ]
    return np.stack(channels, axis=1)


def unpack_rotations(words: np.ndarray) -> np.ndarray:  # (n, 4) wxyz
    """decodeQuatOctXy1010R12 of splatDefines.glsl."""
    u, v = ((words >> shift & 1023) / 1023 * 2 - 1 for shift in (0, 10))
    z = 1 - np.abs(u) - np.abs(v)
    fold = np.maximum(-z, 0)
    axis = np.stack([u - np.copysign(fold, u), v - np.copysign(fold, v), z], axis=1)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    half = (words >> 20) / 4095 * np.pi / 2
    return np.column_stack([np.cos(half), axis * np.sin(half)[:, None]])


def test_positions_are_kept_bit_by_bit() -> None:
    splats = ball()
    first = spark_arrays(splats)[0]
    assert (first[: splats.n, :3].view("<f4") == splats.means).all()
    assert not first[splats.n :].any()


def test_colours_sizes_and_opacities_are_half_floats() -> None:
    splats = ball()
    n = splats.n
    first, second, *_ = spark_arrays(splats)
    red, green = halves(second[:n, 0])
    blue, x = halves(second[:n, 1])
    y, z = halves(second[:n, 2])
    colour = 0.5 + SH_C0 * splats.sh[:, 0]
    assert np.stack([red, green, blue], axis=1) == pytest.approx(colour, rel=1e-3, abs=1e-6)
    assert np.stack([x, y, z], axis=1) == pytest.approx(splats.log_scales, rel=1e-3)
    assert halves(first[:n, 3])[0] == pytest.approx(sigmoid(splats.opacity_logits), rel=1e-3)


def test_rotations_are_good_to_half_a_degree() -> None:
    rng = np.random.default_rng(1)
    quats = rng.normal(size=(20_000, 4)).astype(np.float32)
    quats[:8] = np.concatenate([np.eye(4), -np.eye(4)])
    quats[8] = [1e-4, 0, 0, -1]
    a, b = quats_to_matrices(quats), quats_to_matrices(unpack_rotations(pack_rotations(quats)))
    traces = np.einsum("nij,nij->n", a.astype(np.float64), b)
    angles = np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1)))
    assert angles.max() < 0.5
    assert angles.mean() < 0.15


def test_coefficients_keep_their_largest_channel() -> None:
    rng = np.random.default_rng(2)
    rgb = (rng.normal(size=(5000, 3)) * np.exp(rng.uniform(-6, 3, (5000, 1)))).astype(np.float32)
    rgb[0], rgb[1], rgb[2] = 0, [1, -1, 0.5], [0.99999994, 0, 0]
    largest = np.abs(rgb).max(axis=1, keepdims=True)
    found = unpack_coefficients(pack_coefficients(rgb))
    assert (np.abs(found - rgb) <= largest / 255 + 1e-9).all()


@pytest.mark.parametrize(("degree", "count"), [(0, 2), (1, 3), (2, 4), (3, 6)])
def test_every_degree_has_its_arrays(degree: int, count: int) -> None:
    splats = ball(300, degree)
    arrays = spark_arrays(splats)
    assert [array.shape for array in arrays] == [(2048, 4)] * count
    columns = np.concatenate([array[:300] for array in arrays[2:]], axis=1) if degree else None
    for k in range(1, (degree + 1) ** 2):
        column = k - 1 if k < 13 else k - 13 + 12
        expected = pack_coefficients(splats.sh[:, k])
        assert (columns[:, column] == expected).all()  # type: ignore[index]


def test_coefficients_beyond_degree_3_are_left_out() -> None:
    three, four = ball(10, 3), ball(10, 4)
    four = Splats(
        three.means,
        three.log_scales,
        three.quats,
        three.opacity_logits,
        np.concatenate([three.sh, four.sh[:, 16:]], axis=1),
    )
    assert all((a == b).all() for a, b in zip(spark_arrays(three), spark_arrays(four), strict=True))


def test_textures_are_whole_rows_and_layers() -> None:
    layer = 2048 * 2048
    assert [texel_count(n) for n in (1, 2048, 2049, layer, layer + 1)] == [
        2048, 2048, 4096, layer, 2 * layer
    ]  # fmt: skip

# SPDX-License-Identifier: Apache-2.0
"""The parts of the rd profile's geometry: levels, directions, cells, pushed errors."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.core.rotations import normalize_quats, quats_to_matrices
from flexgs.errors import Corrupt
from flexgs.quant.adaptive import cells, directions, feedback, levels
from flexgs.quant.adaptive.features import STEP_MANTISSAS
from flexgs.quant.positions import Frame, fit_frame


def test_fixed_steps_are_the_steps() -> None:
    classes = np.arange(levels.FINEST_CLASS, levels.COARSEST_CLASS + 1, dtype=np.int32)
    exact = 2.0 ** (classes / 16) * levels.ONE
    error = np.abs(levels.fixed_steps(classes) - exact)
    assert (error <= 0.5 + 1e-6 * exact).all()
    assert levels.fixed_steps(np.int32([-9999]))[0] >= 1
    assert len(STEP_MANTISSAS) == 16


def test_opacity_levels_are_fourth_powers() -> None:
    fixed = np.linspace(0.2, 0.999, 50) * levels.ONE
    logits = levels.opacity_logits(fixed.astype(np.int64))
    alpha = 1 / (1 + np.exp(-logits.astype(np.float64)))
    assert np.abs(alpha**0.25 - fixed / levels.ONE).max() < 1 / 4096
    alphas, clearness = levels.opacity_features(fixed.astype(np.int64))
    assert np.abs(alphas / 16 - np.log2(alpha)).max() < 0.05
    assert (np.diff(clearness) <= 0).all()


def test_opaque_and_invisible_stay_finite() -> None:
    logits = levels.opacity_logits(np.array([-(1 << 40), 0, levels.ONE, 1 << 40]))
    assert np.isfinite(logits).all()
    assert logits[0] == logits[1] < -11
    assert logits[2] == logits[3] > 9


@pytest.mark.parametrize("floor", [-300, -136, 0, 64])
def test_scales_come_back_from_u(floor: int) -> None:
    log_scales = np.linspace(floor / 16 - 1, floor / 16 + 14, 200) * np.log(2)
    u, _ = levels.scale_targets(log_scales.astype(np.float32), floor)
    back = levels.log_scales(np.rint(u * levels.ONE).astype(np.int64), floor)
    assert np.abs(back - log_scales).max() < 0.01


def test_u_slopes_are_derivatives() -> None:
    values = np.linspace(-8, 0, 30).astype(np.float32)
    u, slope = levels.scale_targets(values, -100)
    moved = levels.scale_targets((values + 1e-2).astype(np.float32), -100)[0]
    np.testing.assert_allclose(1e-2 / (moved - u), slope, rtol=0.05)


def test_blurred_slopes_are_derivatives() -> None:
    bends = np.exp2(np.array([-160.0, -140.0]) / 8)
    u = np.linspace(-9.5, 0, 40)
    h = 1e-6
    numeric = levels.blurred_scales(u + h, bends) - levels.blurred_scales(u - h, bends)
    np.testing.assert_allclose(numeric / (2 * h), levels.blurred_slopes(u, bends), rtol=1e-4)


def _axes(n: int) -> np.ndarray:
    quats = np.random.default_rng(0).normal(size=(n, 4))
    axes = quats_to_matrices(normalize_quats(quats))
    faces = directions.find_faces(axes[:, :, 2])
    side = np.sign(np.take_along_axis(axes[:, :, 2], faces[:, None].astype(int), axis=1))
    axes[:, :, [0, 2]] *= side[:, None]
    return axes


def test_every_rotation_comes_back() -> None:
    axes = _axes(500)
    faces = directions.find_faces(axes[:, :, 2])
    ab = directions.pole_coordinates(axes[:, :, 2], faces)
    c = directions.spin_targets(axes, faces, ab[:, 0], ab[:, 1])
    assert np.abs(ab).max() <= 1 + 1e-9
    assert np.abs(c).max() <= 1 + 1e-9
    quats = directions.dequantise_quats(faces, ab[:, 0], ab[:, 1], c)
    assert np.abs(directions.turn_errors(axes, quats)).max() < 1e-5
    assert np.abs(np.linalg.norm(quats, axis=1) - 1).max() < 1e-6


def test_slopes_predict_how_a_pole_turns() -> None:
    axes = _axes(300)
    faces = directions.find_faces(axes[:, :, 2])
    ab = directions.pole_coordinates(axes[:, :, 2], faces)
    slopes = directions.pole_slopes(axes, faces, ab)
    for k in range(2):
        near = ab.copy()
        near[:, k] += 1e-3
        c = directions.spin_targets(axes, faces, near[:, 0], near[:, 1])
        quats = directions.dequantise_quats(faces, near[:, 0], near[:, 1], c)
        turned = directions.turn_errors(axes, quats)[:, :2] / 1e-3
        np.testing.assert_allclose(turned, slopes[:, :, k], atol=0.01)


def test_needles_have_the_first_axis_as_pole() -> None:
    needles = directions.find_needles(np.array([[9, 0, 0], [9, 9, 0]]))
    assert directions.pole_order(needles)[:, 2].tolist() == [0, 2]


@pytest.mark.parametrize("depth", [0, 3, 6, 12])
def test_positions_are_within_half_a_step(depth: int) -> None:
    rng = np.random.default_rng(1)
    means = (rng.normal(size=(400, 3)) * np.exp(rng.normal(size=(400, 1)))).astype(np.float32)
    frame = fit_frame(means)
    contracted = cells.contract(means, frame)
    own = cells.find_cells(contracted, depth)
    splits = cells.count_splits(own, depth, np.full(400, -96, np.int32))
    fine = np.floor(np.ldexp(contracted, depth + splits)).astype(np.int64)
    places = (fine - (own.astype(np.int64) << splits)).astype(np.int32)
    assert (places >= 0).all()
    back = cells.dequantise_means(own, places, splits, depth, frame)
    far = np.maximum(np.exp2(np.floor(np.log2(np.maximum(np.abs(contracted), 1e-9)))), 1)
    octave = np.maximum(np.floor(np.abs(contracted)) - 1, 0)
    width = np.exp2(octave - depth - splits) * float(frame.radius)
    assert (np.abs(back - means) <= 0.5 * width * 1.001 + 1e-5 * far).all()


def test_cells_are_alike_on_both_sides_of_the_centre() -> None:
    own = np.array([[5, 0, 0], [-6, -1, -1]], np.int32)
    assert len(set(cells.distance_features(own, 4).tolist())) == 1
    splits = cells.count_splits(own, 4, np.full(2, -200, np.int32))
    np.testing.assert_array_equal(splits[0], splits[1])


def test_positions_beyond_float32_are_refused() -> None:
    far = np.full((1, 3), 200 << 12, np.int32)
    zero = np.zeros((1, 3), np.int32)
    with pytest.raises(Corrupt, match="out of all range"):
        cells.dequantise_means(far, zero, zero, 12, Frame(np.zeros(3, np.float32), np.float32(1)))


def test_factors_give_the_block_back() -> None:
    roots = np.random.default_rng(2).normal(size=(20, 10, 14))
    blocks = np.einsum("nij,nkj->nik", roots, roots)
    pivots, mixing = feedback.factor_blocks(blocks)
    lower = mixing + np.eye(10)
    np.testing.assert_allclose(np.einsum("nki,nk,nkj->nij", lower, pivots, lower), blocks)


def test_places_beat_the_nearest_in_their_metric() -> None:
    rng = np.random.default_rng(3)
    n, depth = 300, 4
    targets = rng.uniform(-0.9, 0.9, (n, 3))
    roots = rng.normal(size=(n, 3, 4)) * np.array([1.0, 3.0, 10.0])[:, None]
    blocks = np.einsum("nij,nkj->nik", roots, roots)
    pivots, mixing = feedback.factor_blocks(blocks)
    own = cells.find_cells(targets, depth)
    splits = np.full((n, 3), 4, np.int32)
    distances = cells.distance_features(own, depth)
    ones, none = np.ones((n, 3)), np.zeros((n, 3))
    fine = feedback.choose_places(
        targets, ones, none, pivots, mixing, own, splits, distances, depth
    )

    def error(index: np.ndarray) -> np.ndarray:
        miss = (index + 0.5) / 256 - targets
        return np.einsum("ni,nij,nj->n", miss, blocks, miss)

    nearest = np.floor(targets * 256)
    assert (error(fine) <= error(nearest) + 1e-12).all()
    assert error(fine).sum() < 0.8 * error(nearest).sum()
    moved = (fine >> splits).astype(np.int32)
    np.testing.assert_array_equal(cells.distance_features(moved, depth), distances)

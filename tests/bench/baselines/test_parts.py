# SPDX-License-Identifier: Apache-2.0
"""The parts that the baselines are made of: min-max ranges, octree, RAHT, angles, voxels, walks."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from flexgs.bench.baselines.flexgaussian.method import FIRST, PAIRS, prune, volume_factors, walk
from flexgs.bench.baselines.mesongs.angles import angles_to_quats, quats_to_angles
from flexgs.bench.baselines.mesongs.codebook import fit_codebook
from flexgs.bench.baselines.mesongs.method import CODEBOOKS, bisect, search
from flexgs.bench.baselines.mesongs.octree import occupancy, read_occupancy
from flexgs.bench.baselines.mesongs.raht import inverse, plan_levels, transform
from flexgs.bench.baselines.mesongs.voxels import centres, voxelise
from flexgs.bench.baselines.minmax import dequantise, quantise
from flexgs.bench.baselines.model import Encoded, Measured, Trial, Trials
from flexgs.core.rotations import normalize_quats
from flexgs.errors import Corrupt


def some_codes(n: int, depth: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.unique(rng.integers(0, 8**depth, n, dtype=np.uint64))


@pytest.mark.parametrize(
    ("n", "segments", "bits"), [(1, 10, 4), (7, 10, 8), (999, 66, 4), (5000, 1000, 8)]
)
def test_no_value_moves_by_more_than_half_a_scale(n: int, segments: int, bits: int) -> None:
    rng = np.random.default_rng(n)
    values = (rng.normal(size=(n, 3)) * [1, 1e-3, 1e3]).astype(np.float32)
    values[:, 1] = values[0, 1] if n < 10 else values[:, 1]
    coded = quantise(values, segments, bits)
    assert coded.symbols.max(initial=0) < 2**bits
    assert coded.scales.shape == (min(n, segments), 3)
    rows = np.searchsorted(
        np.arange(1, len(coded.scales) + 1) * n // len(coded.scales), np.arange(n), "right"
    )
    bound = coded.scales[rows] * 0.5001 + np.abs(values) * 3e-7
    assert (np.abs(dequantise(coded) - values) <= bound).all()


def test_ranges_are_local() -> None:
    values = np.concatenate([np.linspace(0, 1, 100), np.linspace(0, 1e6, 100)])[:, None]
    coded = quantise(values.astype(np.float32), 2, 8)
    assert np.abs(dequantise(coded) - values)[:100].max() < 0.002


@settings(deadline=None)  # busy machines
@given(st.integers(1, 200), st.integers(1, 21), st.integers(0, 2**31))
def test_octrees_come_back(n: int, depth: int, seed: int) -> None:
    codes = some_codes(n, depth, seed)
    data = occupancy(codes, depth)
    assert (read_occupancy(data, depth, len(codes)) == codes).all()
    assert depth <= len(data) <= len(codes) * depth


@pytest.mark.parametrize(
    "spoil", [lambda d: d[:-1], lambda d: np.append(d, 1), lambda d: d * 0, lambda d: d | 255]
)
def test_octrees_that_are_none_are_refused(spoil) -> None:
    codes = some_codes(50, 6)
    data = spoil(occupancy(codes, 6)).astype(np.uint8)
    with pytest.raises(Corrupt):
        read_occupancy(data, 6, len(codes))


@settings(deadline=None)  # busy machines
@given(st.integers(1, 150), st.integers(1, 21), st.integers(0, 2**31))
def test_raht_is_orthonormal_and_comes_back(n: int, depth: int, seed: int) -> None:
    codes = some_codes(n, depth, seed)
    levels = plan_levels(codes, depth)
    matrix = transform(np.eye(len(codes)), levels)
    assert np.allclose(matrix @ matrix.T, np.eye(len(codes)), atol=1e-12)
    assert np.allclose(inverse(matrix, levels), np.eye(len(codes)), atol=1e-12)


def test_raht_gathers_what_is_constant_in_its_root() -> None:
    codes = some_codes(300, 8)
    coefficients = transform(np.full((len(codes), 1), 2.0), plan_levels(codes, 8))
    assert coefficients[0, 0] == pytest.approx(2 * np.sqrt(len(codes)))
    assert np.abs(coefficients[1:]).max() < 1e-12


def test_angles_are_those_of_scipy_and_come_back() -> None:
    quats = normalize_quats(np.random.default_rng(0).normal(size=(500, 4)))
    angles = quats_to_angles(3 * quats)
    expected = Rotation.from_quat(quats[:, [1, 2, 3, 0]]).as_euler("xyz")
    assert np.allclose(angles, expected, atol=1e-9)
    assert np.allclose(normalize_quats(angles_to_quats(angles)), quats, atol=1e-9)


def test_gaussians_of_one_cell_are_averaged(splats) -> None:
    weights = np.arange(splats.n, dtype=np.float64)
    coarse = voxelise(splats, weights, 1)
    assert coarse.splats.n == len(coarse.codes) == 8
    assert coarse.weights.sum() == weights.sum()
    whole = voxelise(splats, weights, 21)
    assert whole.splats.n == splats.n
    extent = splats.means.max(axis=0) - splats.means.min(axis=0)
    away = np.abs(np.sort(centres(whole.codes, whole.box, 21)[:, 0]) - np.sort(splats.means[:, 0]))
    assert away.max() <= extent[0] / 2**21
    octant = (splats.means > (whole.box[0] + whole.box[1]) / 2).all(axis=1)
    mean = splats.opacity_logits[octant].mean()
    assert coarse.splats.opacity_logits[7] == pytest.approx(mean, abs=1e-5)


def test_codebooks_favour_what_weighs_more() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 45)).astype(np.float32)
    weights = np.where(np.arange(2000) < 64, 1e4, 1.0)
    book, entries = fit_codebook(rows, weights, 100)
    assert book.shape[0] <= 100
    errors = np.square(book[entries] - rows).sum(axis=1)
    assert errors[:64].mean() < 0.2 * errors[64:].mean()
    assert fit_codebook(rows[:, :0], weights, 100)[0].shape == (1, 0)


def test_only_small_volumes_count_less(splats) -> None:
    volumes = np.exp(splats.log_scales.sum(axis=1, dtype=np.float64))
    factors = volume_factors(splats)
    small = volumes < np.sort(volumes)[::-1][round(0.9 * splats.n)]
    assert (factors[~small] > 0.9999).all()
    assert factors.max() <= 1
    middle = volumes[~small].min()
    assert np.allclose(factors[small], (volumes[small] / middle) ** 0.1, rtol=1e-2)


def test_pruning_keeps_those_with_sh_first(splats) -> None:
    order = np.random.default_rng(1).permutation(splats.n)
    kept, with_sh = prune(splats, order, 0.2, 0.3)
    assert (kept.n, with_sh) == (2000, 1250)
    assert set(map(float, kept.means[:with_sh, 0])) == set(
        map(float, splats.means[order[1250:], 0])
    )
    assert prune(splats, order, 0.9, 0.5)[1] == 0


@pytest.mark.parametrize(
    ("limit", "tried"),
    [(11, [10, 11, 12]), (8, [10, 9, 8]), (19, range(10, 20)), (-1, range(10, -1, -1))],
)
def test_the_walk_ends_at_the_first_failure_or_success(limit: int, tried) -> None:
    seen: list[int] = []
    walk(lambda i: seen.append(i) or i <= limit, len(PAIRS), FIRST)
    assert seen == list(tried)


def test_the_bisection_lands_below_the_target() -> None:
    trials: list[Trial] = []

    def attempt(share: float) -> Trial:
        trials.append(Trial({}, 1, 3 * share**2, 1, 3 * share**2 <= 1.0, 0.0))
        return trials[-1]

    assert bisect(attempt, 1.0)
    assert trials[-1].met
    assert 0.95 <= trials[-1].drop_db <= 1.0
    trials.clear()
    assert not bisect(lambda share: attempt(share + 1), 1.0)
    assert [trial.drop_db for trial in trials] == [3.0]  # nothing pruned, and no more to try


@pytest.mark.parametrize(("target", "size"), [(2.0, 2048), (0.4, 4096), (0.14, 8192)])
def test_the_codebook_with_the_smallest_file_is_taken(target: float, size: int) -> None:
    def measure(setting) -> Measured:
        drop = setting["pruning_rate"] + 750 / setting["codebook"]
        data = bytes(round(100_000 * (1 - setting["pruning_rate"]) + 5 * setting["codebook"]))
        return Measured(Encoded(data, {}), drop, 1)

    trials = Trials(measure, target)
    search(trials, argparse.Namespace(codebook=None))
    found = trials.outcome()
    assert found.trial.met
    assert found.trial.setting["codebook"] == size
    assert found.trial.size_bytes == min(t.size_bytes for t in found.trials if t.met)


def test_a_target_out_of_reach_is_missed_by_the_nearest() -> None:
    trials = Trials(lambda s: Measured(Encoded(b"", {}), 1 / s["codebook"], 1), 1e-9)
    search(trials, argparse.Namespace(codebook=None))
    assert [trial.setting["codebook"] for trial in trials.outcome().trials] == list(CODEBOOKS)
    assert trials.outcome().trial.setting["codebook"] == CODEBOOKS[-1]

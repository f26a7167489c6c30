# SPDX-License-Identifier: Apache-2.0
"""Geometry of the rd profile: what is written is read, what is read is near, damage is noticed."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from flexgs.codec.rd.geometry import GeometrySymbols
from flexgs.codec.rd.geometry_choice import quantise_geometry
from flexgs.codec.rd.geometry_chunks import code_geometry, decode_geometry
from flexgs.codec.rd.geometry_values import Geometry, dequantise_geometry
from flexgs.core import Splats
from flexgs.core.rotations import quats_to_matrices
from flexgs.errors import Corrupt, FormatError, SceneError
from flexgs.quant.adaptive.geometry_plan import read_geometry_plan, write_geometry_plan


def make_splats(n: int, seed: int = 1) -> Splats:
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(n, 3)) * np.exp(rng.normal(size=(n, 1)))
    return Splats(
        means,
        rng.normal(-4, 1.5, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(0, 2, n),
        np.zeros((n, 1, 3)),
    )


def make_fisher(n: int, size: float = 1.0, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(n, 10, 14)) * np.exp(rng.normal(size=(n, 1, 1)))
    roots[:, :3] *= 60.0  # positions are felt more
    return size * np.einsum("nij,nkj->nik", roots, roots).astype(np.float32)


def covariances(quats: np.ndarray, log_scales: np.ndarray) -> np.ndarray:
    axes = quats_to_matrices(quats.astype(np.float64))
    half = axes * np.exp(log_scales.astype(np.float64))[:, None, :]
    return half @ half.transpose(0, 2, 1)


def round_trip(splats: Splats, fisher: np.ndarray, lam: float, rows: int = 1 << 16) -> Geometry:
    plan, symbols, order = quantise_geometry(splats, fisher, lam)
    assert sorted(order.tolist()) == list(range(splats.n))
    plan_read = read_geometry_plan(write_geometry_plan(plan))
    parts = []
    for start in range(0, max(splats.n, 1), rows):
        chunk = slice(start, min(start + rows, splats.n))
        payloads = code_geometry(plan, symbols, chunk)
        decoded, _ = decode_geometry(plan_read, payloads, max(chunk.stop - chunk.start, 0))
        for field in fields(decoded):
            np.testing.assert_array_equal(
                getattr(decoded, field.name), getattr(symbols, field.name)[chunk], field.name
            )
        parts.append(dequantise_geometry(plan_read, decoded))
    whole = dequantise_geometry(plan, symbols)
    for field in fields(whole):
        joined = np.concatenate([getattr(part, field.name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, field.name), field.name)
    back = np.argsort(order)
    return Geometry(*(getattr(whole, field.name)[back] for field in fields(whole)))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 700])
def test_any_number_of_gaussians_survives(n: int) -> None:
    decoded = round_trip(make_splats(n), make_fisher(n), 1.0)
    assert decoded.means.shape == (n, 3)
    assert np.isfinite(decoded.means).all()
    assert np.allclose(np.linalg.norm(decoded.quats, axis=1), 1, atol=1e-6)


def test_chunks_decode_alone_to_the_same_values() -> None:
    round_trip(make_splats(900), make_fisher(900), 1.0, rows=250)


def test_fine_steps_give_the_scene_back() -> None:
    splats = make_splats(500)
    decoded = round_trip(splats, make_fisher(500), 1e-5)
    assert np.abs(decoded.means - splats.means).max() < 1e-3
    alpha = 1 / (1 + np.exp(-splats.opacity_logits))
    assert np.abs(1 / (1 + np.exp(-decoded.opacity_logits)) - alpha).max() < 0.02
    before = covariances(splats.quats, splats.log_scales)
    after = covariances(decoded.quats, decoded.log_scales)
    size = np.trace(before, axis1=1, axis2=2)
    assert np.median(np.abs(after - before).max(axis=(1, 2)) / size) < 0.01


def test_a_larger_lambda_costs_fewer_bytes() -> None:
    splats, fisher = make_splats(2000), make_fisher(2000)
    sizes = []
    for lam in (0.01, 1.0, 100.0):
        plan, symbols, _ = quantise_geometry(splats, fisher, lam)
        sizes.append(sum(len(payload) for payload in code_geometry(plan, symbols).values()))
    assert sizes[0] > 1.5 * sizes[1] > 2.25 * sizes[2]


@pytest.mark.parametrize("lam", [1e-3, 1.0, 1e6])
def test_equal_gaussians_survive(lam: float) -> None:
    one = make_splats(1)
    splats = one.select(np.zeros(300, np.int64))
    decoded = round_trip(splats, make_fisher(1)[np.zeros(300, np.int64)], lam)
    assert np.ptp(decoded.log_scales, axis=0).max() <= (1.0 if lam < 2 else 4.0)


def test_rotations_of_round_gaussians_take_no_bits() -> None:
    splats, fisher = make_splats(2000), make_fisher(2000)
    plan, symbols, _ = quantise_geometry(splats, fisher, 0.1)
    usual = len(code_geometry(plan, symbols)["quats"])
    even = np.repeat(splats.log_scales.mean(axis=1, keepdims=True), 3, axis=1)
    fisher[:, 6:9], fisher[:, :, 6:9] = 0.0, 0.0
    plan, symbols, _ = quantise_geometry(replace(splats, log_scales=even), fisher, 0.1)
    assert usual > 1000
    assert len(code_geometry(plan, symbols)["quats"]) < 20


def test_an_outlier_does_not_set_the_step() -> None:
    splats = make_splats(400)
    means = splats.means.copy()
    means[7] = 1e6, -1e6, 3e5
    decoded = round_trip(replace(splats, means=means), make_fisher(400), 1e-3)
    others = np.arange(400) != 7
    assert np.abs(decoded.means - means)[others].max() < 0.1
    assert np.abs(decoded.means[7] / means[7] - 1).max() < 0.01


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e30])
def test_any_fisher_is_survived(size: float) -> None:
    decoded = round_trip(make_splats(200), make_fisher(200, size), 1.0)
    assert np.isfinite(decoded.log_scales).all()


def test_extreme_values_are_survived() -> None:
    splats = make_splats(60)
    log_scales = splats.log_scales.copy()
    log_scales[:20], log_scales[20:30] = -40.0, 20.0
    logits = splats.opacity_logits.copy()
    logits[:10], logits[10:20] = 15.0, -15.0
    decoded = round_trip(
        replace(splats, log_scales=log_scales, opacity_logits=logits), make_fisher(60), 1.0
    )
    assert np.isfinite(decoded.opacity_logits).all()


def test_the_choice_changes_nothing_that_it_was_given() -> None:
    splats, fisher = make_splats(100), make_fisher(100)
    before = fisher.tobytes()
    quantise_geometry(splats, fisher, 1.0)
    assert fisher.tobytes() == before


def test_discs_are_refused() -> None:
    splats = replace(make_splats(5), model="2dgs")
    with pytest.raises(SceneError, match="3-D Gaussians"):
        quantise_geometry(splats, make_fisher(5), 1.0)


def coded(n: int = 300) -> tuple:
    plan, symbols, _ = quantise_geometry(make_splats(n), make_fisher(n), 1.0)
    return plan, symbols, code_geometry(plan, symbols)


def test_damaged_payloads_are_noticed_or_decode_within_bounds() -> None:
    plan, _, payloads = coded()
    rng = np.random.default_rng(0)
    noticed = 0
    for _ in range(60):
        name = rng.choice(list(payloads))
        damaged = bytearray(payloads[name])
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        try:
            symbols, _ = decode_geometry(plan, {**payloads, name: bytes(damaged)}, 300)
            values = dequantise_geometry(plan, symbols)
        except FormatError:
            noticed += 1
            continue
        assert np.isfinite(values.means).all()
        assert np.isfinite(values.quats).all()
    assert noticed > 0


@pytest.mark.parametrize("name", ["means", "log_scales", "quats", "opacity_logits"])
def test_random_payloads_never_crash(name: str) -> None:
    plan, _, payloads = coded(100)
    rng = np.random.default_rng(4)
    for size in (0, 1, 5, 50, 5000):
        hostile = {**payloads, name: rng.bytes(size)}
        with pytest.raises(FormatError):
            dequantise_geometry(plan, decode_geometry(plan, hostile, 100)[0])


def test_a_wrong_count_is_noticed() -> None:
    plan, _, payloads = coded(100)
    for count in (-1, 0, 99, 101, 1 << 30):
        with pytest.raises(Corrupt):
            decode_geometry(plan, payloads, count)


def test_hostile_plans_are_refused_or_harmless() -> None:
    plan, symbols, payloads = coded(50)
    good = write_geometry_plan(plan)
    rng = np.random.default_rng(6)
    for _ in range(100):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] = rng.integers(256)
        try:
            read = read_geometry_plan(bytes(bad))
            dequantise_geometry(read, decode_geometry(read, payloads, 50)[0])
        except FormatError:
            continue
    with pytest.raises(Corrupt):
        read_geometry_plan(good[:-1])
    assert isinstance(symbols, GeometrySymbols)

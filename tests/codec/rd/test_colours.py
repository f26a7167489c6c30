# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexgs.codec.rd.colours import code_colours, decode_colours, quantise_colours
from flexgs.errors import Corrupt
from flexgs.quant.adaptive.colour_values import dequantise_colours
from flexgs.quant.adaptive.colours import ColourPlan, sh_steps


def scene(n: int, degree: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Colours, blocks, features, cells."""
    rng = np.random.default_rng(seed)
    k = (degree + 1) ** 2
    cells = np.sort(rng.integers(0, 2**16, (n, 3)), axis=0).astype(np.int32)
    sh = rng.normal(0, 0.1, (n, k, 3)).astype(np.float32)
    sh[:, 0] += np.sin(cells / 9000)
    features = rng.integers(-64, 64, (n, 6)).astype(np.int32)
    basis = rng.normal(size=(n, 8, k)) * 0.3
    basis[:, :, 0] = 0.28
    weights = np.exp2(features[:, 0] / 16)
    full = np.einsum("n,nvi,nvj->nij", weights, basis, basis)
    rows, columns = np.tril_indices(k)
    return sh, full[:, rows, columns].astype(np.float32), features, cells


def whole(n: int) -> np.ndarray:
    return np.array([0, n], np.int64)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 500])
def test_symbols_survive_the_round_trip(n: int, degree: int) -> None:
    sh, blocks, features, cells = scene(n, degree)
    plan, symbols = quantise_colours(sh, blocks, features, cells, whole(n), 1e-4)
    payloads = code_colours(plan, symbols, features, cells)
    decoded = decode_colours(plan, payloads, features, cells)
    np.testing.assert_array_equal(decoded.dc, symbols.dc)
    np.testing.assert_array_equal(decoded.sh, symbols.sh)
    np.testing.assert_array_equal(decoded.shifts, symbols.shifts)
    assert decoded.sh.dtype == symbols.sh.dtype


def test_chunks_are_coded_alone() -> None:
    sh, blocks, features, cells = scene(600, 2)
    bounds = np.array([0, 200, 200, 600], np.int64)
    plan, symbols = quantise_colours(sh, blocks, features, cells, bounds, 1e-4)
    rows = slice(200, 600)
    part = symbols.select(rows)
    payloads = code_colours(plan, part, features[rows], cells[rows])
    decoded = decode_colours(plan, payloads, features[rows], cells[rows])
    np.testing.assert_array_equal(decoded.dc, part.dc)
    np.testing.assert_array_equal(decoded.sh, part.sh)


def loss(lam: float) -> tuple[float, int]:
    sh, blocks, features, cells = scene(800, 3)
    plan, symbols = quantise_colours(sh, blocks, features, cells, whole(800), lam)
    payloads = code_colours(plan, symbols, features, cells)
    off = dequantise_colours(plan, symbols, features).astype(np.float64) - sh
    rows, columns = np.tril_indices(16)
    full = np.zeros((800, 16, 16))
    full[:, rows, columns] = blocks
    full[:, columns, rows] = blocks
    return float(np.einsum("nic,nij,njc->", off, full, off)), sum(map(len, payloads.values()))


def test_lambda_trades_error_for_bytes() -> None:
    errors, sizes = zip(*(loss(lam) for lam in (1e-5, 1e-4, 1e-3, 1e-2)), strict=True)
    assert list(errors) == sorted(errors)
    assert list(sizes) == sorted(sizes, reverse=True)


def test_gaussians_never_seen_and_wild_colours_survive() -> None:
    sh, blocks, features, cells = scene(100, 3)
    blocks[:50] = 0
    sh[::7] *= 1e4
    plan, symbols = quantise_colours(sh, blocks, features, cells, whole(100), 1e-4)
    payloads = code_colours(plan, symbols, features, cells)
    decoded = decode_colours(plan, payloads, features, cells)
    np.testing.assert_array_equal(decoded.dc, symbols.dc)
    assert np.isfinite(dequantise_colours(plan, decoded, features)).all()


def test_inputs_stay_as_they_are() -> None:
    arrays = scene(50, 1)
    before = [a.copy() for a in arrays]
    plan, symbols = quantise_colours(*arrays, whole(50), 1e-3)
    kept = symbols.dc.copy(), symbols.sh.copy()
    code_colours(plan, symbols, *arrays[2:])
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)
    np.testing.assert_array_equal(symbols.dc, kept[0])
    np.testing.assert_array_equal(symbols.sh, kept[1])


@pytest.mark.parametrize("part", ["dc", "sh"])
def test_payloads_that_end_early_or_late_are_refused(part: str) -> None:
    sh, blocks, features, cells = scene(300, 2)
    plan, symbols = quantise_colours(sh, blocks, features, cells, whole(300), 1e-4)
    payloads = code_colours(plan, symbols, features, cells)
    good = payloads[part]
    assert len(good) > 20
    for bad in (b"", good[:-5], good + b"12345"):
        broken = {**payloads, part: bad}
        with pytest.raises(Corrupt):
            decode_colours(plan, broken, features, cells)


def test_rows_may_shift_their_steps_anywhere() -> None:
    sh, blocks, features, cells = scene(300, 1)
    plan, symbols = quantise_colours(sh, blocks, features, cells, whole(300), 1e-3)
    rows = np.sort(np.random.default_rng(8).integers(0, 300, 300))
    dc = np.zeros((300, 3), np.int32)
    mixed = replace(symbols.select(rows), dc=dc)
    payloads = code_colours(plan, mixed, features, cells)
    decoded = decode_colours(plan, payloads, features, cells)
    np.testing.assert_array_equal(decoded.shifts, mixed.shifts)
    np.testing.assert_array_equal(decoded.sh, mixed.sh)


def test_a_region_seen_more_than_predicted_gets_finer_steps() -> None:
    sh, blocks, features, cells = scene(320, 1)
    features[:] = 0
    blocks[:] = blocks[:1]
    blocks[160:] *= 256
    plan, symbols = quantise_colours(sh, blocks, features, cells, whole(320), 1e-4)
    assert symbols.shifts[:160].min() > symbols.shifts[160:].max() + 4
    steps = sh_steps(plan, features, symbols.shifts)[:, 0]
    assert (np.abs(np.log2(steps[:160] / steps[160:]) - 4) <= 0.5).all()


def test_hostile_payloads_decode_to_valid_colours_or_are_refused() -> None:
    rng = np.random.default_rng(4)
    _, _, features, cells = scene(60, 3)
    refused = 0
    for _ in range(200):
        words = [rng.integers(-(2**15), 2**15, 7).tolist() for _ in range(2)]
        plan = ColourPlan(3, tuple(words[0]), tuple(words[1]), (0, 0, 0))
        payloads = {name: rng.bytes(rng.integers(0, 300)) for name in ("dc", "sh")}
        try:
            symbols = decode_colours(plan, payloads, features, cells)
        except Corrupt:
            refused += 1
            continue
        assert np.isfinite(dequantise_colours(plan, symbols, features)).all()
    assert refused > 150

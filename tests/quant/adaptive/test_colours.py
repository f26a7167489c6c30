# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from flexgs.limits import MAX_ABS_SH
from flexgs.quant.adaptive.colours import (
    DC_BITS,
    TO_LUMA_CHROMA,
    ColourPlan,
    ColourSymbols,
    band_of,
    dc_steps,
    dequantise_colours,
    sh_steps,
    to_luma_chroma,
)
from flexgs.quant.adaptive.colours_sparse import CLASSES, choose_sh

PLAN = ColourPlan(3, (-800, 10, 20), (-600, 5, 7), (0, 4, -3))


def features(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-64, 64, (n, 2)).astype(np.int32)


def test_the_transform_is_orthonormal() -> None:
    np.testing.assert_allclose(TO_LUMA_CHROMA @ TO_LUMA_CHROMA.T, np.eye(3), atol=1e-15)


def test_dequantising_inverts_the_transform_and_the_steps() -> None:
    rng = np.random.default_rng(1)
    symbols = ColourSymbols(
        rng.integers(-(2**21), 2**21, (50, 3)).astype(np.int32),
        rng.integers(-9, 10, (50, 15, 3)).astype(np.int16),
    )
    sh = dequantise_colours(PLAN, symbols, features(50))
    back = to_luma_chroma(sh)
    np.testing.assert_allclose(back[:, 0], symbols.dc / 2.0**DC_BITS, atol=1e-5)
    steps = sh_steps(PLAN, features(50))[:, band_of(3)]
    np.testing.assert_allclose(back[:, 1:] / steps[:, :, None], symbols.sh, atol=1e-3)


def test_dc_steps_are_powers_of_two_in_sixteenths() -> None:
    classes = np.arange(-160, 113, dtype=np.int32)
    exact = np.exp2(classes / 16 + DC_BITS)
    np.testing.assert_allclose(dc_steps(classes), exact, rtol=1e-3)


def test_extreme_symbols_stay_within_the_limits_of_a_scene() -> None:
    plan = ColourPlan(1, (32767, 0, 0), (32767, 0, 0), (0, 0, 0))
    symbols = ColourSymbols(
        np.full((2, 3), 2**31 - 1, np.int32), np.full((2, 3, 3), 32767, np.int16)
    )
    sh = dequantise_colours(plan, symbols, features(2))
    assert np.abs(sh).max() <= MAX_ABS_SH


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_empty_scenes(degree: int) -> None:
    k = (degree + 1) ** 2
    plan = ColourPlan(degree, PLAN.dc, PLAN.sh, PLAN.bands)
    symbols = ColourSymbols(np.zeros((0, 3), np.int32), np.zeros((0, k - 1, 3), np.int16))
    assert dequantise_colours(plan, symbols, features(0)).shape == (0, k, 3)


def scene(n: int, k: int, directions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, packed blocks, full blocks."""
    rng = np.random.default_rng(7)
    basis = rng.normal(size=(n, directions, k)) * 0.3
    basis[:, :, 0] = 0.28
    full = np.einsum("nvi,nvj->nij", basis, basis)
    rows, columns = np.tril_indices(k)
    return rng.normal(0, 0.3, (n, k, 3)), full[:, rows, columns].astype(np.float32), full


def error(target: np.ndarray, full: np.ndarray, symbols: np.ndarray, dc: np.ndarray) -> np.ndarray:
    kept = np.concatenate([dc[:, None], symbols * 0.05], axis=1) - target
    return np.einsum("nic,nij,njc->n", kept, full, kept)


@pytest.mark.parametrize("k", [1, 4, 9, 16])
def test_more_bits_buy_less_error(k: int) -> None:
    target, packed, full = scene(60, k, 40)
    steps, classes = np.full((60, k - 1), 0.05, np.float32), np.zeros(60, np.int32)
    errors, counts = [], []
    for lam in (1e-5, 1e-2, 1e3):
        symbols, dc = choose_sh(target, packed, steps, classes, lam)
        errors.append(error(target, full, symbols, dc).sum())
        counts.append(np.count_nonzero(symbols))
    assert counts[-1] == 0
    assert counts == sorted(counts, reverse=True)
    assert errors == sorted(errors)


def test_with_nothing_kept_dc_is_the_schur_solution() -> None:
    target, packed, full = scene(30, 9, 12)
    steps, classes = np.full((30, 8), 0.05, np.float32), np.full(30, CLASSES - 1, np.int32)
    _, dc = choose_sh(target, packed, steps, classes, 1e6)
    shift = np.einsum("nj,njc->nc", full[:, 0, 1:], target[:, 1:]) / full[:, :1, 0]
    np.testing.assert_allclose(dc, target[:, 0] + shift, rtol=1e-5, atol=1e-6)


def test_errors_are_fed_into_what_is_not_yet_rounded() -> None:
    target, packed, full = scene(80, 9, 6)
    steps, classes = np.full((80, 8), 0.05, np.float32), np.zeros(80, np.int32)
    symbols, dc = choose_sh(target, packed, steps, classes, 1e-7)
    plain = np.rint(target[:, 1:] / 0.05)
    fed, alone = error(target, full, symbols, dc), error(target, full, plain, target[:, 0])
    assert fed.sum() < alone.sum()


def test_gaussians_never_seen_get_no_rest_and_keep_their_dc() -> None:
    target = np.random.default_rng(1).normal(size=(3, 16, 3))
    blocks = np.zeros((3, 136), np.float32)
    steps, classes = np.ones((3, 15), np.float32), np.zeros(3, np.int32)
    symbols, dc = choose_sh(target, blocks, steps, classes, 0.1)
    assert not symbols.any()
    np.testing.assert_array_equal(dc, target[:, 0])

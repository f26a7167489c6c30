# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from flexgs.codec.rd.neighbours import find_neighbours
from flexgs.codec.rd.sh_choice import choose_sh
from flexgs.codec.rd.sh_choice.costs import CLASSES


def choose(
    target: np.ndarray, packed: np.ndarray, steps: np.ndarray, classes: np.ndarray, lam: float
) -> tuple[np.ndarray, np.ndarray]:
    n = len(target)
    cells = np.arange(3 * n, dtype=np.int32).reshape(n, 3)
    near = find_neighbours(cells, np.zeros((n, 6), np.int32))
    return choose_sh(target, packed, steps, classes, [(slice(0, n), near)], lam)


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
        symbols, dc = choose(target, packed, steps, classes, lam)
        errors.append(error(target, full, symbols, dc).sum())
        counts.append(np.count_nonzero(symbols))
    assert counts[-1] == 0
    assert counts == sorted(counts, reverse=True)
    assert errors == sorted(errors)


def test_with_nothing_kept_dc_is_the_schur_solution() -> None:
    target, packed, full = scene(30, 9, 12)
    steps, classes = np.full((30, 8), 0.05, np.float32), np.full(30, CLASSES - 1, np.int32)
    _, dc = choose(target, packed, steps, classes, 1e6)
    shift = np.einsum("nj,njc->nc", full[:, 0, 1:], target[:, 1:]) / full[:, :1, 0]
    np.testing.assert_allclose(dc, target[:, 0] + shift, rtol=1e-5, atol=1e-6)


def test_errors_are_fed_into_what_is_not_yet_rounded() -> None:
    target, packed, full = scene(80, 9, 6)
    steps, classes = np.full((80, 8), 0.05, np.float32), np.zeros(80, np.int32)
    symbols, dc = choose(target, packed, steps, classes, 1e-7)
    plain = np.rint(target[:, 1:] / 0.05)
    fed, alone = error(target, full, symbols, dc), error(target, full, plain, target[:, 0])
    assert fed.sum() < 0.5 * alone.sum()


def test_gaussians_never_seen_get_no_rest_and_keep_their_dc() -> None:
    target = np.random.default_rng(1).normal(size=(3, 16, 3))
    blocks = np.zeros((3, 136), np.float32)
    steps, classes = np.ones((3, 15), np.float32), np.zeros(3, np.int32)
    symbols, dc = choose(target, blocks, steps, classes, 0.1)
    assert not symbols.any()
    np.testing.assert_array_equal(dc, target[:, 0])


def test_alike_neighbours_make_alike_choices_cheap() -> None:
    """Where two coefficients do equally well, the one that a neighbour has is taken."""
    n, k = 400, 4
    rng = np.random.default_rng(3)
    full = np.zeros((n, k, k))
    full[:, 0, 0] = 1.0
    full[:, 1:3, 1:3] = 1.0 + 1e-3 * np.eye(2)  # coefficients 1 and 2 are all but the same
    full[:, 3, 3] = 1.0
    rows, columns = np.tril_indices(k)
    target = np.zeros((n, k, 3))
    target[:, 1, 0] = 0.5 + 0.02 * rng.normal(size=n)
    target[::2] = target[::2][:, [0, 2, 1, 3]]
    steps, classes = np.full((n, k - 1), 0.05, np.float32), np.zeros(n, np.int32)
    symbols, _ = choose(target, full[:, rows, columns].astype(np.float32), steps, classes, 1e-3)
    used = symbols[:, :, 0] != 0
    assert (used[:, 0] ^ used[:, 1]).all()
    assert max(used[:, 0].mean(), used[:, 1].mean()) > 0.9

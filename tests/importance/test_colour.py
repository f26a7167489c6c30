# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.core.sh import sh_basis
from flexgs.importance import drop_sh, sh_drop_costs
from flexgs.importance.colour import RIDGE
from flexgs.render import Renderer


def ignore(_: int) -> None:
    """No progress."""


def full_matrices(splats: Splats, ring: tuple[Camera, ...], renderer: Renderer) -> np.ndarray:
    """A_i = sum_v S_iv Y_iv Y_iv^T, (n, k, k), and the ridge of uniform directions."""
    k = splats.sh.shape[1]
    total = np.zeros((splats.n, k, k))
    for camera in ring:
        weights = renderer.contributions(splats, camera).colour_weights.astype(np.float64)
        directions = splats.means.astype(np.float64) - camera.center
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        basis = sh_basis(directions, splats.degree)
        total += weights[:, None, None] * basis[:, :, None] * basis[:, None, :]
    seen = total[:, 0, 0] * 4 * np.pi
    return total + RIDGE * seen[:, None, None] * np.eye(k) / (4 * np.pi)


def test_the_cost_is_the_schur_complement(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    costs = sh_drop_costs(splats, ring, renderer, ignore)
    a = full_matrices(splats, ring, renderer)
    rest = splats.sh[:, 1:].astype(np.float64)
    seen = a[:, 0, 0] > 0
    cross = np.einsum("nk,nkc->nc", a[:, 0, 1:], rest)
    square = np.einsum("nkc,nkl,nlc->n", rest, a[:, 1:, 1:], rest)
    wanted = square[seen] - (cross[seen] ** 2 / a[seen, :1, 0]).sum(axis=1)
    np.testing.assert_allclose(costs.cost[seen], wanted, rtol=1e-4, atol=1e-6 * wanted.max())
    shift = cross[seen] / a[seen, :1, 0]
    np.testing.assert_allclose(costs.dc_shift[seen], shift, rtol=1e-4, atol=1e-5)


def test_the_new_dc_makes_dropping_cheaper_in_the_images(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    costs = sh_drop_costs(splats, ring, renderer, ignore)
    rows = np.arange(splats.n)
    compensated = drop_sh(splats, costs, rows)
    plain = drop_sh(splats, replace(costs, dc_shift=np.zeros_like(costs.dc_shift)), rows)
    errors = [
        sum(
            float(np.square(renderer.render(s, c) - renderer.render(splats, c)).sum()) for c in ring
        )
        for s in (compensated, plain)
    ]
    assert errors[0] < 0.9 * errors[1], errors


def test_only_the_rows_asked_for_change(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    costs = sh_drop_costs(splats, ring[:2], renderer, ignore)
    before = splats.sh.copy()
    changed = drop_sh(splats, costs, np.array([3, 4]))
    assert not changed.sh[[3, 4], 1:].any()
    np.testing.assert_array_equal(np.delete(changed.sh, [3, 4], 0), np.delete(before, [3, 4], 0))
    np.testing.assert_array_equal(splats.sh, before)


def test_an_unseen_gaussian_costs_nothing_and_keeps_its_dc(
    splats: Splats, ring: tuple[Camera, ...], renderer: Renderer
) -> None:
    means = splats.means.copy()
    means[0] = [0, -900, 0]
    costs = sh_drop_costs(replace(splats, means=means), ring[:2], renderer, ignore)
    assert costs.cost[0] == 0
    assert not costs.dc_shift[0].any()

# SPDX-License-Identifier: Apache-2.0
"""Lower degrees out of colour blocks, against least squares over the views themselves."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.sh import sh_basis
from flexgs.importance.colour_blocks import packed_length
from flexgs.importance.degrees import project_degree, sh_costs


def seen(n: int, views: int, seed: int = 0) -> tuple[Splats, np.ndarray, np.ndarray, np.ndarray]:
    """(splats, blocks, directions (n, views, 3), weights (n, views)) of Gaussians seen somehow."""
    rng = np.random.default_rng(seed)
    directions = rng.normal([1, 0, 0], 1, (n, views, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    weights = rng.exponential(size=(n, views))
    basis = sh_basis(directions.reshape(-1, 3), 3).reshape(n, views, 16)
    whole = np.einsum("nv,nva,nvb->nab", weights, basis, basis)
    low = np.tril_indices(16)
    sh = rng.normal(0, 0.3, (n, 16, 3))
    zeros = np.zeros((n, 3))
    splats = Splats(zeros, zeros, np.ones((n, 4)), np.zeros(n), sh)
    return splats, whole[:, low[0], low[1]].astype(np.float32), directions, weights


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_lower_degrees_are_least_squares(degree: int) -> None:
    splats, blocks, directions, weights = seen(20, 60)
    found = project_degree(splats, blocks, degree)
    assert found.degree == degree
    k = (degree + 1) ** 2
    for i in range(splats.n):
        root = np.sqrt(weights[i])[:, None]
        colours = sh_basis(directions[i], 3) @ splats.sh[i]
        best = np.linalg.lstsq(root * sh_basis(directions[i], degree), root * colours, rcond=None)[
            0
        ]
        assert found.sh[i] == pytest.approx(best, abs=5e-3)
    assert found.sh.shape[1] == k


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_costs_are_those_of_the_views(degree: int) -> None:
    splats, blocks, directions, weights = seen(20, 60, seed=1)
    low = project_degree(splats, blocks, degree)
    costs = sh_costs(low, blocks, np.zeros(splats.n))
    for i in range(splats.n):
        basis = sh_basis(directions[i], degree)
        after = low.sh[i, 0] + costs.dc_shift[i]
        away = basis @ low.sh[i] - basis[:, :1] * after
        assert costs.cost[i] == pytest.approx((weights[i][:, None] * away**2).sum(), rel=2e-3)
    if degree == 0:
        assert not costs.cost.any()


def test_gaussians_that_no_view_saw_keep_their_numbers() -> None:
    splats, blocks, _, _ = seen(3, 10)
    blocks[1] = 0
    found = project_degree(splats, blocks, 1)
    assert np.array_equal(found.sh[1], splats.sh[1, :4])
    costs = sh_costs(splats, blocks, np.zeros(3))
    assert costs.cost[1] == 0
    assert not costs.dc_shift[1].any()
    assert blocks.shape[1] == packed_length(16)

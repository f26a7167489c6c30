# SPDX-License-Identifier: Apache-2.0
"""gsplat against the CPU renderer; runs only where there is a CUDA device."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from flexgs.core import Splats
from flexgs.render import Renderer
from tests.render import scenes

pytestmark = pytest.mark.gpu
FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")
NAMES = sorted(scenes.cases())


@pytest.fixture(scope="module")
def cuda() -> Renderer:
    from flexgs.render.cuda import CudaRenderer

    return CudaRenderer(probes=1)


@pytest.fixture(scope="module")
def cpu() -> Renderer:
    from flexgs.render.cpu import CpuRenderer

    return CpuRenderer()


@pytest.mark.parametrize("name", NAMES)
def test_images_agree(name: str, cuda: Renderer, cpu: Renderer) -> None:
    case = scenes.cases(200, 150)[name]
    ours, theirs = (r.render(case.splats, case.camera) for r in (cpu, cuda))
    # a pixel where alpha is within rounding of 1/255 may differ by one contribution
    assert np.quantile(np.abs(ours - theirs), 0.9999) <= 1e-4
    assert np.abs(ours - theirs).max() <= 0.02


@pytest.mark.parametrize("name", NAMES)
def test_gradients_agree(name: str, cuda: Renderer, cpu: Renderer) -> None:
    case = scenes.cases(200, 150)[name]
    weights = np.random.default_rng(0).normal(size=(150, 200, 3)).astype(np.float32)
    ours, theirs = (r.backward(case.splats, case.camera, weights) for r in (cpu, cuda))
    for field in FIELDS:
        a, b = getattr(ours, field), getattr(theirs, field)
        assert np.abs(a - b).max() <= 5e-3 * max(np.abs(a).max(), 1e-6), field


def test_one_probe_ranks_like_the_exact_diagonal(cuda: Renderer, cpu: Renderer) -> None:
    splats = scenes.random_scene(3000, 1, 0, log_scale=(-4.0, -2.5))
    camera = scenes.camera(400, 300)
    (exact, exact_weights), (probed, weights) = (r.fisher(splats, camera) for r in (cpu, cuda))
    for field in FIELDS:
        a, b = getattr(exact, field).reshape(3000, -1), getattr(probed, field).reshape(3000, -1)
        assert spearmanr(a.sum(1), b.sum(1)).statistic >= 0.9, field
    assert spearmanr(exact_weights, weights).statistic >= 0.95


def test_contributions_agree(cuda: Renderer, cpu: Renderer) -> None:
    splats = scenes.random_scene(3000, 1, 0, log_scale=(-4.0, -2.5))
    camera = scenes.camera(400, 300)
    target = np.random.default_rng(0).uniform(size=(300, 400, 3)).astype(np.float32)
    ours, theirs = (r.contributions(splats, camera, target) for r in (cpu, cuda))
    assert spearmanr(ours.removal, theirs.removal).statistic >= 0.95
    assert spearmanr(ours.signed, theirs.signed).statistic >= 0.95
    np.testing.assert_allclose(ours.blend, theirs.blend, rtol=1e-3, atol=0.05)
    assert np.abs(ours.hits - theirs.hits).max() <= 2


def test_a_view_that_sees_nothing_is_black_and_zero(cuda: Renderer) -> None:
    behind = scenes.random_scene(10, 1, 0)
    away = Splats(
        behind.means - np.array([0, 0, 100], dtype=np.float32),
        behind.log_scales,
        behind.quats,
        behind.opacity_logits,
        behind.sh,
    )
    for splats in (away, away.select(slice(0, 0))):
        camera = scenes.camera()
        assert not cuda.render(splats, camera).any()
        diagonal, weights = cuda.fisher(splats, camera)
        assert not weights.any()
        assert not diagonal.means.any()
        assert not cuda.contributions(splats, camera).hits.any()

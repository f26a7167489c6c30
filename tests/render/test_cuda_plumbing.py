# SPDX-License-Identifier: Apache-2.0
"""`CudaRenderer` on the CPU, with the oracle in gsplat's place (calls and answers as in 1.5.3)."""

from __future__ import annotations

import gc
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from flexgs.core import Camera
from flexgs.render import cuda
from flexgs.render.cuda import CudaRenderer
from flexgs.render.own_frame import OWN
from flexgs.render.protocol import zero_parameters
from tests.render import reference, scenes
from tests.render.own import assert_answers_of_the_first

TILE = 16


def _project(call: dict[str, Any]) -> tuple[reference.Projected, Camera]:
    (k,), (pose,) = call["Ks"].tolist(), call["viewmats"].double().numpy()
    camera = Camera(
        "a", call["width"], call["height"], k[0][0], k[1][1], k[0][2], k[1][2], world_to_camera=pose
    )
    scene = reference.Leaves(
        call["means"].double(),
        call["scales"].double().log(),
        call["quats"].double(),
        torch.logit(call["opacities"].double()),
        sh=torch.empty(0),
        model="mip" if call["rasterize_mode"] == "antialiased" else "3dgs",
    )
    return reference.project(scene, camera), camera


def rasterization(**call: Any) -> tuple[Tensor, Tensor, dict[str, Any]]:
    assert call["packed"]
    assert (call["eps2d"], call["near_plane"]) == (0.3, 0.01)
    projected, camera = _project(call)
    weights = reference.blend_weights(projected, camera)
    shape = (1, camera.height, camera.width, 3)
    image = (weights @ call["colors"].double()).float().reshape(shape)
    alphas = weights.sum(1).reshape(*shape[:3], 1)
    kept = torch.nonzero(projected.kept)[:, 0]
    tiles = (-(-camera.height // TILE), -(-camera.width // TILE))
    meta = {
        "gaussian_ids": kept,
        "means2d": projected.xy[kept],
        "conics": projected.conic[kept],
        "opacities": projected.opacity[kept],
        "depths": projected.depth[kept],
        "tile_size": TILE,
        "isect_offsets": torch.zeros(1, *tiles, dtype=torch.int32),
        "flatten_ids": torch.arange(len(kept), dtype=torch.int32),
    }
    rasterization.depths = meta["depths"]  # gsplat has them in the order of flatten_ids
    return image, alphas, meta


def rasterize_to_indices_in_range(
    start: int,
    end: int,
    transmittances: Tensor,
    means2d: Tensor,
    conics: Tensor,
    opacities: Tensor,
    width: int,
    height: int,
    tile_size: int,
    isect_offsets: Tensor,
    flatten_ids: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    assert (start, end, tile_size) == (0, 2**31 - 1, TILE)
    assert transmittances.shape == (height, width)
    assert isect_offsets.shape == (-(-height // TILE), -(-width // TILE))
    assert len(flatten_ids) == len(means2d)
    camera = Camera("a", width, height, 1.0, 1.0, 0.0, 0.0, np.eye(4))
    kept = torch.ones(len(means2d), dtype=torch.bool)
    packed = reference.Projected(means2d, conics, opacities, rasterization.depths, kept)
    pixels, ids = torch.nonzero(reference.blend_weights(packed, camera), as_tuple=True)
    return ids, pixels, torch.zeros_like(ids)


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> CudaRenderer:
    fake = SimpleNamespace(
        rasterization=rasterization, rasterize_to_indices_in_range=rasterize_to_indices_in_range
    )
    monkeypatch.setitem(sys.modules, "gsplat", fake)
    monkeypatch.setattr(cuda, "require_cuda", lambda: None)
    monkeypatch.setattr(cuda, "DEVICE", "cpu")
    return CudaRenderer(probes=2)


@pytest.mark.parametrize("name", ["dense", "behind", "mip"])
def test_every_method_answers_with_the_oracles_numbers(name: str, renderer: CudaRenderer) -> None:
    case = scenes.cases(24, 18)[name]
    image = renderer.render(case.splats, case.camera)
    wanted = reference.render(reference.leaves(case.splats), case.camera).numpy()
    np.testing.assert_allclose(image, wanted, atol=1e-5)

    weights = np.random.default_rng(0).normal(size=(18, 24, 3)).astype(np.float32)
    grads = renderer.backward(case.splats, case.camera, weights)
    exact = reference.gradient(case.splats, case.camera, torch.tensor(weights))
    for field in reference.NAMES:
        scale = exact[field].abs().max().item()
        np.testing.assert_allclose(getattr(grads, field), exact[field], atol=1e-4 * scale)

    sums = renderer.contributions(case.splats, case.camera, weights)
    blending = reference.blending_sums(case.splats, case.camera)
    np.testing.assert_array_equal(sums.hits, blending["hits"].numpy())
    np.testing.assert_allclose(sums.blend, blending["blend"].numpy(), rtol=1e-4, atol=1e-5)
    removal = reference.removal_errors(case.splats, case.camera).numpy()
    assert np.corrcoef(np.sqrt(sums.removal), np.sqrt(removal))[0, 1] > 0.8

    gradient = zero_parameters(case.splats)
    found = renderer.misfit(case.splats, case.camera, image - weights, gradient)
    np.testing.assert_array_equal(found, renderer.contributions(case.splats, case.camera).removal)
    for field in reference.NAMES:
        np.testing.assert_allclose(getattr(gradient, field), getattr(grads, field), atol=1e-4)

    total = np.zeros((case.splats.n, OWN, OWN), np.float32)
    seen = renderer.blocks(case.splats, case.camera, total)
    np.testing.assert_array_equal(total, total.transpose(0, 2, 1))
    assert (np.diagonal(total, axis1=1, axis2=2)[seen > 0, 9] > 0).all()

    diagonal, colour_weights = renderer.fisher(case.splats, case.camera)
    assert diagonal.sh.dtype == colour_weights.dtype == np.float32
    assert (colour_weights[blending["hits"].numpy() > 0] > 0).all()


def test_answers_of_the_first_alone(renderer: CudaRenderer) -> None:
    case = scenes.cases(24, 18)["dense"]
    assert_answers_of_the_first(renderer, case.splats, case.camera, 3)


def test_a_scene_is_uploaded_once_and_forgotten_with_its_splats(
    renderer: CudaRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = []
    real = cuda.upload
    monkeypatch.setattr(cuda, "upload", lambda s, d: uploads.append(s.n) or real(s, d))
    camera = scenes.camera(8, 6)
    made = [scenes.random_scene(n, 0, 0) for n in (3, 4)]
    for splats in (*made, *made):
        renderer.render(splats, camera)
    assert uploads == [3, 4]
    third = scenes.random_scene(5, 0, 0)
    renderer.render(third, camera)
    renderer.render(made[1], camera)
    renderer.render(made[0], camera)
    assert uploads == [3, 4, 5, 3]
    uploads.clear()
    del splats, third
    made.clear()
    gc.collect()
    renderer.render(scenes.random_scene(6, 0, 0), camera)
    assert [scene.means.shape[0] for _, scene in renderer._uploaded] == [6]


def test_nothing_to_see_gives_zeros(renderer: CudaRenderer) -> None:
    splats, camera = scenes.random_scene(4, 1, 0).select(slice(0, 0)), scenes.camera(8, 6)
    assert not renderer.render(splats, camera).any()
    assert renderer.fisher(splats, camera)[0].sh.shape == (0, 4, 3)
    assert renderer.contributions(splats, camera).hits.shape == (0,)

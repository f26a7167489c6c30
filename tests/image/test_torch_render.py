# SPDX-License-Identifier: Apache-2.0
"""Torch draws what the kernels draw, and its autograd finds the gradients that they have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexgs.image.gradient import gradients, make_target
from flexgs.image.render import render
from tests.image.test_render import scene

torch = pytest.importorskip("torch")

from flexgs.image.torch_render import draw, render_torch  # noqa: E402


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.parametrize("zoom", [1.0, 0.4])
def test_torch_and_kernels_draw_the_same(layers: bool, zoom: float, device: str) -> None:
    splats = scene(3, layers, n=150)
    found = render_torch(splats, zoom=zoom, device=device).cpu().numpy()
    np.testing.assert_allclose(found, render(splats, zoom=zoom), atol=1e-4)
    crop = (3, 2, 20, 15)
    part = render_torch(splats, crop, zoom, device).cpu().numpy()
    np.testing.assert_allclose(part, render(splats, crop, zoom), atol=1e-4)


def test_batches_of_tiles_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    splats = scene(3, layers=False)
    whole = render_torch(splats, device="cpu")
    monkeypatch.setattr("flexgs.image.torch_render.BATCH_VALUES", 1)
    torch.testing.assert_close(render_torch(splats, device="cpu"), whole, rtol=0, atol=1e-5)


def test_no_gaussians_make_a_black_picture() -> None:
    assert not render_torch(scene(1, layers=True).select(slice(0, 0)), device="cpu").any()


@pytest.mark.parametrize("layers", [False, True])
def test_autograd_agrees_with_the_kernels(layers: bool) -> None:
    splats = scene(3, layers, n=40)
    if splats.opacities is not None:
        splats = replace(splats, opacities=splats.opacities * np.float32(0.9))
    image = np.random.default_rng(2).uniform(0, 1, (38, 53, 3)).astype(np.float32)
    names = ["means", "cholesky", "colors"] + ["opacities"] * layers
    leaves = {name: torch.tensor(getattr(splats, name), requires_grad=True) for name in names}
    arguments = (leaves[name] for name in names[:3])
    picture = draw(*arguments, leaves.get("opacities"), (0, 0, 53, 38))
    (0.5 * (picture - torch.tensor(image)) ** 2).sum().backward()
    found = gradients(splats, make_target(image))
    for name, leaf in leaves.items():
        wanted = leaf.grad.numpy()
        np.testing.assert_allclose(
            getattr(found, name), wanted, atol=2e-3 * np.abs(wanted).max(), err_msg=name
        )

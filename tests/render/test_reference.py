# SPDX-License-Identifier: Apache-2.0
"""The oracle itself, against what can be written down by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flexgs.core import Camera, Splats
from flexgs.core.sh import SH_C0, sh_basis
from tests.render import reference, scenes


def one_splat(
    depth: float = 2.0, scale: float = 0.05, logit: float = 0.0, model: str = "3dgs"
) -> Splats:
    return Splats(
        means=[[0, 0, depth]],
        log_scales=np.full((1, 3), np.log(scale)),
        quats=[[1, 0, 0, 0]],
        opacity_logits=[logit],
        sh=[[[0.5 / SH_C0, 0.0, -2.0]]],
        model=model,
    )


def straight(side: int = 9) -> Camera:
    return Camera("a", side, side, 20.0, 20.0, side / 2, side / 2, np.eye(4))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_harmonics_are_those_of_core(degree: int) -> None:
    directions = np.random.default_rng(0).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ours = reference.sh_values(torch.tensor(directions), degree)
    np.testing.assert_allclose(ours, sh_basis(directions, degree), atol=1e-12)


def test_one_gaussian_has_its_closed_form() -> None:
    image = reference.render(reference.leaves(one_splat()), straight())
    variance = (20 / 2 * 0.05) ** 2 + 0.3
    for row, column in ((4, 4), (4, 5), (3, 5)):
        squared = (row - 4) ** 2 + (column - 4) ** 2
        alpha = 0.5 * np.exp(-0.5 * squared / variance)
        np.testing.assert_allclose(image[row, column], [alpha, 0.5 * alpha, 0], rtol=1e-6)


def test_mip_dims_by_the_area_that_the_blur_adds() -> None:
    sharp = (20 / 2 * 0.05) ** 2
    plain = reference.render(reference.leaves(one_splat()), straight())
    mip = reference.render(reference.leaves(one_splat(model="mip")), straight())
    np.testing.assert_allclose(mip[4, 4], plain[4, 4] * sharp / (sharp + 0.3), rtol=1e-6)


def test_blending_stops_before_the_splat_that_uses_up_the_light() -> None:
    layers = [one_splat(2 + i / 10, scale=100.0, logit=12.0) for i in range(3)]
    stack = Splats(
        *(
            np.concatenate([getattr(layer, name) for layer in layers])
            for name in ("means", "log_scales", "quats", "opacity_logits", "sh")
        )
    )
    sums = reference.blending_sums(stack, straight())
    # the first leaves 0.001 of the light; the second would leave 0.000001
    assert sums["hits"].tolist() == [81, 0, 0]
    assert sums["blend"][0] == pytest.approx(81 * 0.999, rel=1e-3)


def test_near_plane_culls() -> None:
    behind = reference.render(reference.leaves(one_splat(depth=0.009)), straight())
    assert (behind == 0).all()


def test_gradients_are_those_of_finite_differences() -> None:
    case = scenes.cases(10, 8)["dense"]
    splats, camera = case.splats.select(slice(0, 6)), case.camera
    weights = torch.tensor(np.random.default_rng(1).normal(size=(8, 10, 3)))
    grads = reference.gradient(splats, camera, weights)
    for name in reference.NAMES:
        change = torch.tensor(np.random.default_rng(2).normal(size=grads[name].shape))
        values = []
        for step in (1e-6, -1e-6):
            scene = reference.leaves(splats)
            getattr(scene, name).add_(step * change)
            values.append((weights * reference.render(scene, camera)).sum())
        slope = (values[0] - values[1]) / 2e-6
        torch.testing.assert_close(slope, (grads[name] * change).sum(), rtol=1e-4, atol=1e-6)

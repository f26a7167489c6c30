# SPDX-License-Identifier: Apache-2.0
"""The probes, on the CPU: with all sign vectors of a tiny image the expectations are exact."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from flexgs.core import Camera
from flexgs.render.probes import (
    gradients,
    probe_signs,
    probed_contributions,
    probed_fisher,
)
from flexgs.render.protocol import GROUPS
from flexgs.render.torch_scene import (
    Activated,
    TorchSplats,
    activate,
    sh_basis,
    upload,
    view_directions,
)
from tests.render import reference, scenes

CPU = torch.device("cpu")


def rasterize(ready: Activated, camera: Camera) -> Tensor:
    """The oracle as a rasteriser."""
    scene = reference.Leaves(
        ready.means,
        ready.scales.log(),
        ready.quats,
        torch.logit(ready.opacities),
        sh=torch.empty(0),
        model=ready.model,
    )
    weights = reference.blend_weights(reference.project(scene, camera), camera)
    return (weights @ ready.colours).reshape(camera.height, camera.width, 3)


def double(splats: scenes.Splats) -> TorchSplats:
    return upload(splats, CPU, torch.float64)


def all_signs(camera: Camera) -> list[Tensor]:
    shape = (camera.height, camera.width, 3)
    count = int(np.prod(shape))
    rows = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=count)), dtype=torch.float64)
    return [row.reshape(shape) for row in rows]


@pytest.fixture
def tiny() -> scenes.Case:
    """Two pixels, six Gaussians that reach them, some with channels cut at 0, one nearly opaque."""
    splats = scenes.random_scene(6, 2, 3, spread=0.3, log_scale=(-1.5, -0.5))
    return scenes.Case(splats, scenes.camera(2, 1))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_harmonics_are_those_of_the_oracle(degree: int) -> None:
    splats = double(scenes.random_scene(20, degree, 1))
    camera = scenes.camera()
    basis = sh_basis(view_directions(splats.means, camera), degree)
    towards = splats.means - torch.tensor(camera.center.copy())
    unit = towards / towards.norm(dim=1, keepdim=True)
    torch.testing.assert_close(basis, reference.sh_values(unit, degree))


@pytest.mark.parametrize("name", ["dense", "outside", "opaque", "mip"])
def test_the_activated_scene_renders_the_oracles_image(name: str) -> None:
    case = scenes.cases(24, 18)[name]
    image = rasterize(activate(double(case.splats), case.camera), case.camera)
    wanted = reference.render(reference.leaves(case.splats), case.camera)
    torch.testing.assert_close(image, wanted)


def test_gradients_are_those_of_autograd_and_only_of_the_groups_asked_for() -> None:
    case = scenes.cases(24, 18)["dense"]
    weights = torch.tensor(np.random.default_rng(0).normal(size=(18, 24, 3)))
    wanted = reference.gradient(case.splats, case.camera, weights)
    whole = gradients(rasterize, double(case.splats), case.camera, weights, GROUPS)
    for name in reference.NAMES:
        torch.testing.assert_close(whole[name], wanted[name], rtol=1e-6, atol=1e-9)

    some = gradients(rasterize, double(case.splats), case.camera, weights, ("log_scales", "dc"))
    torch.testing.assert_close(some["log_scales"], whole["log_scales"])
    torch.testing.assert_close(some["sh"][:, :1], whole["sh"][:, :1])
    for name in ("means", "quats", "opacity_logits"):
        assert (some[name] == 0).all()
    assert (some["sh"][:, 1:] == 0).all()


def test_the_mean_of_squared_probes_is_the_diagonal(tiny: scenes.Case) -> None:
    signs = all_signs(tiny.camera)
    diagonal, weights = probed_fisher(rasterize, double(tiny.splats), tiny.camera, signs)
    wanted = reference.fisher(tiny.splats, tiny.camera)
    for name in reference.NAMES:
        assert wanted[name].abs().max() > 1e-6
        torch.testing.assert_close(diagonal[name], wanted[name], rtol=1e-9, atol=1e-15)
    sums = reference.blending_sums(tiny.splats, tiny.camera)
    torch.testing.assert_close(weights, sums["colour_weights"])


def test_the_mean_of_squared_probes_is_the_removal_error(tiny: scenes.Case) -> None:
    target = torch.tensor(np.random.default_rng(4).uniform(size=(1, 2, 3)))
    signs = all_signs(tiny.camera)
    sums = probed_contributions(rasterize, double(tiny.splats), tiny.camera, signs, target)
    alone = reference.removal_errors(tiny.splats, tiny.camera)
    torch.testing.assert_close(sums.removal, alone, rtol=1e-6, atol=1e-12)
    against = reference.removal_errors(tiny.splats, tiny.camera, target)
    torch.testing.assert_close(sums.signed, against, rtol=1e-6, atol=1e-12)
    wanted = reference.blending_sums(tiny.splats, tiny.camera)
    torch.testing.assert_close(sums.colour_weights, wanted["colour_weights"])
    torch.testing.assert_close(sums.blend, wanted["blend"])


def test_removal_errors_see_gaussians_at_the_cap_of_alpha() -> None:
    splats = scenes.random_scene(3, 0, 6, spread=0.3, log_scale=(0, 0), logit=(9, 10))
    camera = scenes.camera(2, 1)
    sums = probed_contributions(rasterize, double(splats), camera, all_signs(camera))
    wanted = reference.removal_errors(splats, camera)
    front = int(torch.argmax(wanted))
    assert sums.removal[front] == pytest.approx(float(wanted[front]), rel=0.01)


def test_a_view_that_sees_nothing_gives_zeros() -> None:
    splats = double(scenes.random_scene(4, 1, 1))
    camera = scenes.camera(2, 1)

    def nothing(_ready: Activated, view: Camera) -> Tensor:
        return torch.zeros(view.height, view.width, 3, dtype=torch.float64)

    ones = torch.ones(1, 2, 3, dtype=torch.float64)
    diagonal, weights = probed_fisher(nothing, splats, camera, [ones])
    sums = probed_contributions(nothing, splats, camera, [ones])
    for tensor in (*diagonal.values(), weights, sums.removal, sums.blend):
        assert (tensor == 0).all()


def test_signs_depend_on_the_camera_alone() -> None:
    camera = scenes.camera(30, 20, name="left")
    first = probe_signs(camera, 2)
    np.testing.assert_array_equal(first, probe_signs(camera, 2))
    assert abs(float(first.mean())) < 0.05
    assert (first[0] != first[1]).any()
    assert (first != probe_signs(scenes.camera(30, 20, name="right"), 2)).any()

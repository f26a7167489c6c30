# SPDX-License-Identifier: Apache-2.0
"""The geometry's blocks of J^T J against one backward pass a pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.core.rotations import quats_to_matrices
from flexgs.render.cpu import CpuRenderer
from flexgs.render.own_frame import OWN, own_frame
from flexgs.render.protocol import F32, GROUPS
from tests.render import scenes


def by_pixels(splats: Splats, camera: Camera, renderer: CpuRenderer) -> F32:
    total = np.zeros((splats.n, OWN, OWN), np.float32)
    one = np.zeros((camera.height, camera.width, 3), np.float32)
    for pixel in np.ndindex(one.shape):
        one[pixel] = 1
        row = own_frame(splats, renderer.backward(splats, camera, one, GROUPS))
        total += row[:, :, None] * row[:, None, :]
        one[pixel] = 0
    return total


@pytest.mark.parametrize("name", ["dense", "mip"])
def test_blocks_are_those_of_the_whole_jacobian(name: str) -> None:
    case = scenes.cases(14, 11)[name]
    splats = replace(case.splats, sh=case.splats.sh[:, :1])  # colours that no mean moves
    renderer = CpuRenderer(threads=2)
    total = np.zeros((splats.n, OWN, OWN), np.float32)
    for _ in range(2):  # the second is added to the first
        weights = renderer.blocks(splats, case.camera, total)
    wanted = 2 * by_pixels(splats, case.camera, renderer)
    scale = np.sqrt(np.einsum("nii->ni", wanted))
    bound = 1e-3 * scale[:, :, None] * scale[:, None, :] + 1e-6 * wanted.max()
    assert (np.abs(total - wanted) <= bound).all()
    np.testing.assert_array_equal(weights, renderer.fisher(splats, case.camera)[1])


def test_a_gradient_turns_as_the_gaussian_does() -> None:
    """Finite differences: moving along an own axis, and turning about one."""
    case = scenes.cases(14, 11)["dense"]
    splats, renderer = case.splats, CpuRenderer(threads=1)
    weights = np.random.default_rng(0).normal(size=(11, 14, 3)).astype(np.float32)
    own = own_frame(splats, renderer.backward(splats, case.camera, weights))
    i = int(np.abs(own[:, 0]).argmax())

    def value(moved: Splats) -> float:
        return float((renderer.render(moved, case.camera) * weights).sum(dtype=np.float64))

    axis = quats_to_matrices(splats.quats)[i, :, 0]
    h = 1e-3
    ahead, behind = splats.means.copy(), splats.means.copy()
    ahead[i] += h * axis
    behind[i] -= h * axis
    slope = (value(replace(splats, means=ahead)) - value(replace(splats, means=behind))) / (2 * h)
    assert slope == pytest.approx(own[i, 0], rel=0.05, abs=0.02)

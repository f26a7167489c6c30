# SPDX-License-Identifier: Apache-2.0
"""The numba renderer against the plain float64 oracle."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from flexgs.core import Camera, Splats
from flexgs.render.cpu import CpuRenderer
from flexgs.render.protocol import GROUPS, Contributions, Parameters, zero_parameters
from tests.render import reference, scenes

NAMES = sorted(scenes.cases())
STOPPING = ("huge", "layers")  # what is removed there lets light on to Gaussians behind the stop
FIELDS = reference.NAMES
SUMS = ("removal", "signed", "colour_weights", "blend", "hits")


@pytest.fixture(scope="module")
def renderer() -> CpuRenderer:
    return CpuRenderer(threads=2)


def pixel_weights(camera: Camera) -> np.ndarray:
    shape = (camera.height, camera.width, 3)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def arrays(result: Parameters | Contributions) -> dict[str, np.ndarray]:
    names = FIELDS if isinstance(result, Parameters) else SUMS
    return {name: getattr(result, name) for name in names}


def small(name: str) -> scenes.Case:
    """A case that a whole Jacobian can be written down for."""
    case = scenes.cases(14, 10)[name]
    most = 40 if name in STOPPING else 16
    index = np.unique(np.linspace(0, case.splats.n - 1, most).astype(int))
    return replace(case, splats=case.splats.select(index))


@pytest.mark.parametrize("name", NAMES)
def test_the_image_is_the_oracles(name: str, renderer: CpuRenderer) -> None:
    case = scenes.cases()[name]
    image = renderer.render(case.splats, case.camera)
    wanted = reference.render(reference.leaves(case.splats), case.camera)
    assert image.dtype == np.float32
    assert np.abs(image - wanted.numpy()).max() <= 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_autograd(name: str, renderer: CpuRenderer) -> None:
    case = scenes.cases()[name]
    weights = pixel_weights(case.camera)
    grads = renderer.backward(case.splats, case.camera, weights)
    wanted = reference.gradient(case.splats, case.camera, torch.tensor(weights))
    for field in FIELDS:
        exact = wanted[field].numpy()
        error = np.abs(getattr(grads, field) - exact).max()
        assert error <= 1e-3 * np.abs(exact).max(), field


@pytest.mark.parametrize("name", NAMES)
def test_the_misfit_pass_agrees_with_the_passes_it_stands_for(
    name: str, renderer: CpuRenderer
) -> None:
    case = scenes.cases()[name]
    target = np.abs(pixel_weights(case.camera))
    missed = renderer.render(case.splats, case.camera) - target
    gradient = zero_parameters(case.splats)
    for _ in range(2):  # the second is added to the first
        removal = renderer.misfit(case.splats, case.camera, target, gradient)
    wanted = renderer.backward(case.splats, case.camera, missed)
    for field in FIELDS:
        exact = 2 * getattr(wanted, field)
        assert np.abs(getattr(gradient, field) - exact).max() <= 1e-4 * np.abs(exact).max(), field
    sums = renderer.contributions(case.splats, case.camera)
    np.testing.assert_allclose(removal, sums.removal, rtol=1e-4, atol=1e-6)


def test_groups_not_asked_for_stay_zero(renderer: CpuRenderer) -> None:
    case = scenes.cases()["dense"]
    weights = pixel_weights(case.camera)
    whole = renderer.backward(case.splats, case.camera, weights)
    for group in GROUPS:
        some = arrays(renderer.backward(case.splats, case.camera, weights, (group,)))
        sh = some.pop("sh")
        rows = {"dc": slice(0, 1), "sh": slice(1, None)}.get(group, slice(0, 0))
        kept = np.zeros_like(whole.sh)
        kept[:, rows] = whole.sh[:, rows]
        np.testing.assert_array_equal(sh, kept)
        for field, array in some.items():
            wanted = getattr(whole, field) if field == group else np.zeros_like(array)
            np.testing.assert_array_equal(array, wanted, err_msg=f"{field} for {group}")


@pytest.mark.parametrize("name", NAMES)
def test_the_diagonal_is_that_of_the_whole_jacobian(name: str, renderer: CpuRenderer) -> None:
    """What colours owe to the means through the view direction is part of it."""
    case = small(name)
    diagonal, weights = renderer.fisher(case.splats, case.camera)
    wanted = reference.fisher(case.splats, case.camera)
    for field in FIELDS:
        exact = wanted[field].numpy()
        least = max(1e-6 * exact.max(), 1e-12)  # round things do not turn: 1e-33 against 1e-16
        np.testing.assert_allclose(
            getattr(diagonal, field), exact, rtol=1e-3, atol=least, err_msg=field
        )
    exact = reference.blending_sums(case.splats, case.camera)["colour_weights"].numpy()
    np.testing.assert_allclose(weights, exact, rtol=1e-3, atol=1e-6 * exact.max())


def test_the_view_direction_adds_little_to_the_diagonal_of_means() -> None:
    case = small("dense")
    without = reference.fisher(case.splats, case.camera, detach_direction=True)["means"]
    whole = reference.fisher(case.splats, case.camera)["means"]
    assert 0 < float((whole - without).abs().max()) < 0.2 * float(without.max())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in STOPPING])
def test_removal_errors_are_those_of_rendering_without(name: str, renderer: CpuRenderer) -> None:
    case = scenes.cases(24, 18)[name]
    target = np.random.default_rng(1).uniform(size=(18, 24, 3)).astype(np.float32)
    alone = reference.removal_errors(case.splats, case.camera).numpy()
    against = reference.removal_errors(case.splats, case.camera, torch.tensor(target)).numpy()

    sums = renderer.contributions(case.splats, case.camera)
    np.testing.assert_allclose(sums.removal, alone, rtol=1e-3, atol=1e-5 * alone.max())
    np.testing.assert_array_equal(sums.signed, sums.removal)
    sums = renderer.contributions(case.splats, case.camera, target)
    np.testing.assert_allclose(sums.removal, alone, rtol=1e-3, atol=1e-5 * alone.max())
    scale = np.abs(against).max()
    np.testing.assert_allclose(sums.signed, against, rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_blending_sums_are_the_oracles(name: str, renderer: CpuRenderer) -> None:
    case = scenes.cases()[name]
    sums = renderer.contributions(case.splats, case.camera)
    wanted = reference.blending_sums(case.splats, case.camera)
    np.testing.assert_array_equal(sums.hits, wanted["hits"].numpy())
    np.testing.assert_allclose(sums.blend, wanted["blend"].numpy(), rtol=1e-4, atol=1e-4)
    weights = wanted["colour_weights"].numpy()
    np.testing.assert_allclose(sums.colour_weights, weights, rtol=1e-4, atol=1e-4)


HASH_FOR_THREADS = """
import hashlib, sys
import numpy as np
from flexgs.render.cpu import CpuRenderer
from tests.render import scenes

splats = scenes.random_scene(3000, 2, 0, log_scale=(-4.0, -2.0))
camera = scenes.camera(200, 150)
weights = np.random.default_rng(0).normal(size=(150, 200, 3)).astype(np.float32)
for threads in (1, 2, 4):
    renderer = CpuRenderer(threads=threads)
    assert renderer.threads == threads
    diagonal, colour_weights = renderer.fisher(splats, camera)
    arrays = [renderer.render(splats, camera), colour_weights]
    for result in (
        diagonal,
        renderer.backward(splats, camera, weights),
        renderer.contributions(splats, camera, weights),
    ):
        arrays += vars(result).values()
    assert all(array.any() for array in arrays)
    print(*(hashlib.sha256(array.tobytes()).hexdigest() for array in arrays))
"""


def test_every_bit_is_the_same_for_one_two_and_four_threads() -> None:
    """In its own process: numba decides at its import how many threads there are at most."""
    environment = os.environ | {"NUMBA_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", HASH_FOR_THREADS],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert len(set(lines)) == 1


@pytest.mark.parametrize("n", [0, 5])
def test_a_view_that_sees_nothing_is_black_and_zero(n: int, renderer: CpuRenderer) -> None:
    scene = scenes.random_scene(5, 1, 0).select(slice(0, n))
    away: Splats = replace(scene, means=scene.means - np.array([0, 0, 100], dtype=np.float32))
    camera = scenes.camera()
    image = renderer.render(away, camera)
    assert image.shape == (36, 48, 3)
    assert not image.any()
    diagonal, weights = renderer.fisher(away, camera)
    grads = renderer.backward(away, camera, pixel_weights(camera))
    sums = renderer.contributions(away, camera)
    for result in (diagonal, grads, sums):
        for array in arrays(result).values():
            assert len(array) == n
            assert not array.any()
    assert weights.shape == (n,)

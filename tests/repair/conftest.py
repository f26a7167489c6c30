# SPDX-License-Identifier: Apache-2.0
"""A small scene, a ring of views, and what each of them should look like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.core.views import look_at
from flexgs.render import Renderer, get_renderer
from flexgs.render.protocol import F32

TargetOf = Callable[[Camera], F32]


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return get_renderer("cpu", 2)


@pytest.fixture(scope="session")
def splats() -> Splats:
    rng = np.random.default_rng(11)
    n = 200
    sh = rng.normal(0, 0.05, (n, 4, 3))
    sh[:, 0] = rng.normal(0.6, 0.6, (n, 3))
    return Splats(
        rng.normal(0, 0.6, (n, 3)),
        rng.normal(-2.2, 0.3, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(0.5, 1.0, n),
        sh,
    )


@pytest.fixture(scope="session")
def ring() -> tuple[Camera, ...]:
    cameras = []
    for k in range(12):
        angle = 2 * np.pi * k / 12
        pose = look_at([3 * np.sin(angle), -0.8, 3 * np.cos(angle)], [0, 0, 0], [0, -1, 0])
        cameras.append(Camera(f"{k:02d}", 48, 40, 50, 50, 24, 20, pose))
    return tuple(cameras)


@pytest.fixture(scope="session")
def target_of(splats: Splats, ring: tuple[Camera, ...], renderer: Renderer) -> TargetOf:
    images = {camera.name: renderer.render(splats, camera) for camera in ring}
    return lambda camera: images[camera.name]

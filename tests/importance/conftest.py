# SPDX-License-Identifier: Apache-2.0
"""A small scene seen from a ring of cameras."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.core.views import look_at
from flexgs.render import Renderer, get_renderer


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return get_renderer("cpu", 2)


@pytest.fixture(scope="session")
def splats() -> Splats:
    rng = np.random.default_rng(5)
    n = 60
    return Splats(
        means=rng.normal(0, 0.7, size=(n, 3)),
        log_scales=rng.uniform(-2.5, -1.3, size=(n, 3)),
        quats=rng.normal(size=(n, 4)),
        opacity_logits=rng.uniform(-2, 3, size=n),
        sh=rng.normal(0, 0.3, size=(n, 9, 3)) + np.eye(9)[0][:, None] * 1.5,
    )


@pytest.fixture(scope="session")
def ring() -> tuple[Camera, ...]:
    cameras = []
    for k in range(12):
        angle = 2 * np.pi * k / 12
        eye = [4 * np.sin(angle), -0.8, 4 * np.cos(angle)]
        pose = look_at(eye, [0, 0, 0], [0, -1, 0])
        cameras.append(Camera(f"{k:02d}", 48, 40, 50, 50, 24, 20, pose))
    return tuple(cameras)

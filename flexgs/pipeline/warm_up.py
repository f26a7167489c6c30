# SPDX-License-Identifier: Apache-2.0
"""The first use of a renderer compiles its kernels: done where the user is told of it."""

from __future__ import annotations

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.render import Renderer

SIDE = 16


def warm_up(renderer: Renderer) -> None:
    """Renders and scores one Gaussian; takes half a minute once, and no time ever after."""
    one = Splats(
        np.array([[0, 0, 2.0]]),
        np.full((1, 3), -2.0),
        np.array([[1.0, 0, 0, 0]]),
        np.zeros(1, np.float32),
        np.zeros((1, 1, 3), np.float32),
    )
    camera = Camera("warm up", SIDE, SIDE, SIDE, SIDE, SIDE / 2, SIDE / 2, np.eye(4))
    renderer.render(one, camera)
    renderer.contributions(one, camera)

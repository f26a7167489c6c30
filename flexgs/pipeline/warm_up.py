# SPDX-License-Identifier: Apache-2.0
"""The first use of a kernel compiles it: done where the user is told of it."""

from __future__ import annotations

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.core.splats import SH_COEFFICIENTS
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.candidate import find_blocks, make_candidate
from flexgs.pipeline.rd.effort import EFFORTS
from flexgs.pipeline.rd.reduced import Reduced
from flexgs.render import Renderer
from flexgs.render.metrics import ssim
from flexgs.repair import FreeSplats, Rates, repair_pass

SIDE = 16
COUNT = 8  # Gaussians
FULL = max(EFFORTS)  # an effort that uses every kernel


def warm_up(renderer: Renderer, profile: str) -> None:
    """Compiles what the profile uses; takes a minute or two once, and no time ever after."""
    rng = np.random.default_rng(0)
    few = Splats(
        rng.normal([0, 0, 2], 0.3, (COUNT, 3)).astype(np.float32),
        np.full((COUNT, 3), -2.0),
        rng.normal(size=(COUNT, 4)).astype(np.float32),
        np.zeros(COUNT, np.float32),
        rng.normal(0, 0.1, (COUNT, SH_COEFFICIENTS[3], 3)).astype(np.float32),
    )
    camera = Camera("warm up", SIDE, SIDE, SIDE, SIDE, SIDE / 2, SIDE / 2, np.eye(4))
    image = renderer.render(few, camera)
    ssim(image, image)
    renderer.contributions(few, camera)
    if profile != "segment":
        _warm_up_rd(renderer, few, camera)


def _warm_up_rd(renderer: Renderer, few: Splats, camera: Camera) -> None:
    target = renderer.render(few, camera)
    free = FreeSplats(few)
    repair_pass(free, [camera], renderer, lambda _: target, Rates(), 0, lambda _: None)
    monitor = DropMeter(few, [camera], renderer, None, 30.0)
    rows = np.arange(few.n)
    reduced = Reduced(free.snapshot(), rows, (camera,), lambda _: target, Rates(), monitor, ())
    blocks = find_blocks(reduced.splats, (camera,), renderer, 1.0)
    make_candidate(reduced, blocks, renderer, EFFORTS[FULL], 1e-3).decoded({})

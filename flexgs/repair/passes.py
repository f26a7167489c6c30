# SPDX-License-Identifier: Apache-2.0
"""One pass over the views: every few views a step, and the scores of all Gaussians on the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flexgs.core import Camera
from flexgs.importance.sums import F64, TargetOf
from flexgs.progress import Advance
from flexgs.render import Renderer
from flexgs.repair.free import FreeSplats
from flexgs.repair.steps import Rates

BATCH = 2  # views a step


def repair_pass(
    free: FreeSplats,
    views: Sequence[Camera],
    renderer: Renderer,
    target_of: TargetOf,
    rates: Rates,
    seed: int,  # of the order of the views; the same seed gives the same bits
    advance: Advance,
) -> F64:  # (n,)
    """Moves `free` towards what the views should look like, a step every BATCH views.

    Returns the removal errors of all Gaussians, summed over the views, each at its moment of the
    pass.
    """
    order = np.random.default_rng(seed).permutation(len(views))
    removal = np.zeros(free.n)
    for start in range(0, len(order), BATCH):
        splats = free.splats()
        for index in order[start : start + BATCH]:
            view = views[index]
            removal += renderer.misfit(splats, view, target_of(view), free.gradient)
            advance(1)
        free.move(rates)
    return removal

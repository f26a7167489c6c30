# SPDX-License-Identifier: Apache-2.0
"""One pass over the views: every few views a step, and the scores of all Gaussians on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera
from flexgs.progress import Advance
from flexgs.render import Renderer
from flexgs.repair.free import FreeSplats
from flexgs.repair.steps import Rates

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
TargetOf = Callable[[Camera], F32]  # (h, w, 3): what a view should look like

BATCH = 2  # views a step


@dataclass(frozen=True)
class PassSums:
    """Over all views of a pass, each at its own moment of it."""

    removal: F64  # (n,) squared change of the images when a Gaussian is removed
    colour_weights: F64  # (n,) sum of S_iv


def repair_pass(
    free: FreeSplats,
    views: Sequence[Camera],
    renderer: Renderer,
    target_of: TargetOf,
    rates: Rates,
    seed: int,  # of the order of the views; the same seed gives the same bits
    advance: Advance,
    batch: int = BATCH,
) -> PassSums:
    """Moves `free` towards what the views should look like, a step every `batch` views."""
    order = np.random.default_rng(seed).permutation(len(views))
    removal, weights = np.zeros(free.n), np.zeros(free.n)
    for start in range(0, len(order), batch):
        splats = free.splats()
        for index in order[start : start + batch]:
            view = views[index]
            misfit = renderer.misfit(splats, view, target_of(view), free.gradient)
            removal += misfit.removal
            weights += misfit.colour_weights
            advance(1)
        free.move(rates)
    return PassSums(removal, weights)


def score_pass(
    free: FreeSplats, views: Sequence[Camera], renderer: Renderer, advance: Advance
) -> PassSums:
    """The sums of `repair_pass` without moving anything."""
    removal, weights = np.zeros(free.n), np.zeros(free.n)
    splats = free.splats()
    for view in views:
        sums = renderer.contributions(splats, view)
        removal += sums.removal
        weights += sums.colour_weights
        advance(1)
    return PassSums(removal, weights)

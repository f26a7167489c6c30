# SPDX-License-Identifier: Apache-2.0
"""The registry of scores: how much each Gaussian matters to the views. Higher stays longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.core.activations import sigmoid
from flexgs.importance.seed_fisher import SeedFisher, trace
from flexgs.importance.sums import F64, TargetOf, sum_over_views, view_contributions
from flexgs.progress import Advance
from flexgs.registry import Registry
from flexgs.render import Renderer


class Score(Protocol):
    """(splats, views, renderer) -> one number a Gaussian."""

    def __call__(
        self,
        splats: Splats,
        views: Sequence[Camera],
        renderer: Renderer,
        target: TargetOf | None,
        advance: Advance,
    ) -> F64:  # (n,)
        """Scores of all Gaussians; `advance(1)` after each view."""


scores: Registry[Score] = Registry("score")


# Of the signed part. Bonsai, 55 scoring views, drop on the search views after removing 30 / 50 %:
# share 0: 0.110 / 0.466 dB, 0.1: 0.093 / 0.420, 0.2: 0.134 / 0.423 (benchmarks/importance.py).
SIGNED_SHARE = 0.1


@scores.register("removal")
def removal(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    target: TargetOf | None,
    advance: Advance,
) -> F64:
    """Squared change of the image when a Gaussian is removed, E = o^2 F_oo, exact up to cut-offs.

    Against a target the change of the squared error is E - 2 o g (docs/design.md, "Pruning"). Its
    second part adds up badly: Gaussians that share one error of the model each take the credit
    for it, and removing them together overshoots. So only SIGNED_SHARE of it counts.
    """
    total = np.zeros(splats.n)
    for _, c in view_contributions(splats, views, renderer, target, advance):
        total += c.removal + SIGNED_SHARE * (c.signed.astype(np.float64) - c.removal)
    return total


@scores.register("blend-weight")
def blend_weight(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    target: TargetOf | None,
    advance: Advance,
) -> F64:
    """Sum of alpha T over pixels and views.

    Source: MesonGS (2409.09756), the view-dependent factor of its score.
    """
    return sum_over_views(splats, views, renderer, "blend", None, advance)


VOLUME_POWER = 0.1
VOLUME_QUANTILE = 0.1  # the element at 90 % of the descending order


@scores.register("coverage")
def coverage(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    target: TargetOf | None,
    advance: Advance,
) -> F64:
    """Pixels hit, times opacity, times (V / V90)^0.1 with V the product of the scales.

    Source: FlexGaussian (2507.06671), as its code does it: hits weighted by opacity alone.
    """
    hits = sum_over_views(splats, views, renderer, "hits", None, advance)
    if splats.n == 0:
        return hits
    log_volumes = splats.log_scales.sum(axis=1, dtype=np.float64)
    middle = np.quantile(log_volumes, VOLUME_QUANTILE, method="nearest")
    opacity = sigmoid(splats.opacity_logits.astype(np.float64))
    return np.asarray(hits * opacity * np.exp(VOLUME_POWER * (log_volumes - middle)))


@scores.register("fisher")
def fisher(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    target: TargetOf | None,
    advance: Advance,
) -> F64:
    """Trace of the Fisher matrix of each Gaussian: diag(J^T J) summed over all its parameters."""
    total = np.zeros(splats.n)
    for camera in views:
        diagonal, _ = renderer.fisher(splats, camera)
        total += trace(diagonal)
        advance(1)
    return total


scores.add("seed-fisher", SeedFisher())

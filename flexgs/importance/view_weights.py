# SPDX-License-Identifier: Apache-2.0
"""Weights of views for the seed proxy: busy, detailed views that see much count more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.errors import UsageError
from flexgs.importance.sums import F32, F64
from flexgs.render import Renderer

VARIANCE, GRADIENT, VISIBLE = 0.05, 0.1, 1.0  # docs/design.md, "Seed"


@dataclass(frozen=True)
class ViewWeights:
    """w_v = 0.05 Var + 0.1 |grad| + 1.0 VisRatio, times `gamma` for the strongest views.

    The strongest are the first `top_views`, or `top_percent` of all views when `top_views` is None.

    Raises:
        UsageError: gamma is not above 1, or a bound is negative.
    """

    gamma: float = 2.0
    top_views: int | None = None
    top_percent: float = 20.0

    def __post_init__(self) -> None:
        if not self.gamma > 1.0 or not 0 <= self.top_percent <= 100 or (self.top_views or 0) < 0:
            raise UsageError(
                "view weights cannot be used",
                expected="gamma > 1, top_views >= 0, top_percent in 0..100",
                found=f"{self.gamma}, {self.top_views}, {self.top_percent}",
            )

    def of(self, splats: Splats, views: Sequence[Camera], renderer: Renderer) -> F64:  # (v,)
        """The weight of every view."""
        raw = np.array([raw_weight(splats, camera, renderer) for camera in views])
        count = math.ceil(len(views) * self.top_percent / 100)
        if self.top_views is not None:
            count = min(self.top_views, len(views))
        raw[np.argsort(-raw, kind="stable")[:count]] *= self.gamma
        return raw


def raw_weight(splats: Splats, camera: Camera, renderer: Renderer) -> float:
    """The weight of one view before the strongest are raised."""
    grey: F32 = np.clip(renderer.render(splats, camera), 0, 1).mean(axis=2)
    slopes = np.hypot(np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1])
    visible = (renderer.contributions(splats, camera).hits > 0).mean() if splats.n else 0.0
    mean_slope = float(slopes.mean()) if slopes.size else 0.0
    return float(VARIANCE * grey.var() + GRADIENT * mean_slope + VISIBLE * visible)

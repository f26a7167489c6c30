# SPDX-License-Identifier: Apache-2.0
"""The seed proxy: gradients of summed renders, one backward pass a view (docs/design.md, "Seed").

It is kept for comparison. Its premise, that more gradient of the summed image means more Fisher
information, fails because the derivatives change sign: over a Gaussian that lies inside the frame
the position's sum to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.core.activations import sigmoid
from flexgs.errors import UsageError
from flexgs.importance.sums import F32, F64, TargetOf
from flexgs.importance.view_weights import ViewWeights
from flexgs.progress import Advance
from flexgs.render import GROUPS, Parameters, Renderer

ONES = dict.fromkeys(GROUPS, 1.0)


def group_norms(p: Parameters) -> dict[str, F64]:
    """Euclidean norm (n,) of each group of each Gaussian."""
    arrays: dict[str, F32] = {
        "means": p.means,
        "log_scales": p.log_scales,
        "quats": p.quats,
        "opacity_logits": p.opacity_logits[:, None],
        "dc": p.sh[:, 0],
        "sh": p.sh[:, 1:].reshape(len(p.sh), -1),
    }
    return {k: np.sqrt(np.square(a, dtype=np.float64).sum(axis=1)) for k, a in arrays.items()}


def trace(p: Parameters) -> F64:  # (n,)
    """Sum over all parameters of each Gaussian."""
    arrays = (p.means, p.log_scales, p.quats, p.opacity_logits[:, None], p.sh)
    return np.asarray(sum(a.reshape(len(a), -1).sum(axis=1, dtype=np.float64) for a in arrays))


@dataclass(frozen=True)
class SeedFisher:
    """U_i = sum_v w_v V_iv A_i C_iv sum_t lambda_t |dT_v / dtheta_i^t|, T_v the sum of all pixels.

    V_iv is 1 where Gaussian i is visible in view v, A_i its opacity, C_iv the share of the pixels
    that it reaches, w_v the view's weight. Groups of weight 0 are not differentiated; views are
    accumulated one by one.

    Raises:
        UsageError: an unknown group, or a weight that is negative or not finite.
    """

    lambdas: dict[str, float] = field(default_factory=lambda: dict(ONES))
    weights: ViewWeights = field(default_factory=ViewWeights)

    def __post_init__(self) -> None:
        for group, value in self.lambdas.items():
            if group not in GROUPS or not (np.isfinite(value) and value >= 0):
                raise UsageError(
                    "a group weight of seed-fisher cannot be used",
                    expected=f"a number >= 0 for {' | '.join(GROUPS)}",
                    found=f"{group}={value}",
                )

    def __call__(
        self,
        splats: Splats,
        views: Sequence[Camera],
        renderer: Renderer,
        target: TargetOf | None,
        advance: Advance,
    ) -> F64:  # (n,)
        """See `Score`; a target plays no part."""
        groups = tuple(group for group in GROUPS if self.lambdas.get(group, 0.0) > 0)
        opacity = sigmoid(splats.opacity_logits.astype(np.float64))
        weights = self.weights.of(splats, views, renderer)
        total = np.zeros(splats.n)
        for camera, weight in zip(views, weights, strict=True):
            pixels = camera.height * camera.width
            hits = renderer.contributions(splats, camera).hits.astype(np.float64)
            ones = np.ones((camera.height, camera.width, 3), np.float32)
            norms = group_norms(renderer.backward(splats, camera, ones, groups))
            gradient = sum(self.lambdas[group] * norms[group] for group in groups)
            total += weight * opacity * (hits / pixels) * gradient  # hits is 0 where V is
            advance(1)
        return total

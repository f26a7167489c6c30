# SPDX-License-Identifier: Apache-2.0
"""The gradient of what a coarser level shows, in the Gaussians of the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.image.gradient import Gradients, Target, gradients, make_target
from flexgs.image.model import ImageSplats
from flexgs.image.pyramid.model import reduced, to_level
from flexgs.image.render import PIXEL_VARIANCE

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
COARSE_WEIGHT = 0.2  # of a coarse picture's mean squared error; 1 for the whole one's


@dataclass(frozen=True)
class LevelTarget:
    """The image of one level."""

    halvings: int  # of the whole image's sides
    image: F32  # (h, w, channels)
    target: Target
    weight: float  # of its squared error, in squared error of the whole image


def level_targets(image: F32, total: int, coarse_weight: float) -> tuple[LevelTarget, ...]:
    """All levels, coarse to fine; a coarse one's mean squared error counts `coarse_weight`."""
    found = []
    for k in range(total):
        halvings = total - 1 - k
        small = reduced(image, halvings)
        weight = 1.0 if halvings == 0 else coarse_weight * image.size / small.size
        found.append(LevelTarget(halvings, small, make_target(small), weight))
    return tuple(found)


def level_gradients(splats: ImageSplats, level: LevelTarget) -> Gradients:
    """Gradients of the squared error at the scale of a level, in pixels of the whole image."""
    found = gradients(to_level(splats, level.halvings), level.target)
    if level.halvings == 0:
        return found
    scale = 0.5**level.halvings
    shapes, gain = through_widening(splats, found, scale)
    return replace(
        found,
        means=found.means * np.float32(scale),
        cholesky=shapes,
        colors=found.colors * gain[:, None],
    )


def through_widening(splats: ImageSplats, after: Gradients, scale: float) -> tuple[F32, F32]:
    """dL/dcholesky (n, 3) before `zoomed`, and the gain of colours (n,).

    With a, b, c = scale L and xx = a^2 + v, xy = a b, yy = b^2 + c^2 + v the factors L' of what is
    drawn are l11' = sqrt(xx), l21' = xy / l11', l22' = sqrt(yy - l21'^2); colours are multiplied by
    the gain a c / (l11' l22').
    """
    v = PIXEL_VARIANCE * (1 - scale * scale)
    a, b, c = scale * splats.cholesky.astype(np.float64).T
    l11 = np.sqrt(a * a + v)
    l21 = a * b / l11
    l22 = np.sqrt(b * b + c * c + v - l21 * l21)
    gain = a * c / (l11 * l22)
    by_gain = (after.colors * splats.colors).sum(axis=1, dtype=np.float64) * gain  # dL/dlog gain
    g11, g21, g22 = after.cholesky.astype(np.float64).T
    g11, g22 = g11 - by_gain / l11, g22 - by_gain / l22
    yy = g22 / (2 * l22)
    g21 = g21 - 2 * yy * l21
    xy = g21 / l11
    xx = (g11 - g21 * l21 / l11) / (2 * l11)
    by_a = 2 * a * xx + b * xy + by_gain / a
    by_b = a * xy + 2 * b * yy
    by_c = 2 * c * yy + by_gain / c
    shapes = scale * np.stack([by_a, by_b, by_c], axis=1)
    return shapes.astype(np.float32), gain.astype(np.float32)


def summed(parts: Sequence[tuple[float, Gradients]], n: int) -> Gradients:
    """Weighted sum; each part has the gradients of the first so many of the n Gaussians.

    Errors are those of the last part.
    """
    last = parts[-1][1]
    means, cholesky = np.zeros((n, 2), np.float32), np.zeros((n, 3), np.float32)
    colors = np.zeros((n, last.colors.shape[1]), np.float32)
    for weight, part in parts:
        by, rows = np.float32(weight), len(part.means)
        means[:rows] += by * part.means
        cholesky[:rows] += by * part.cholesky
        colors[:rows] += by * part.colors
    return replace(last, means=means, cholesky=cholesky, colors=colors)

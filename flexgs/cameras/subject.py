# SPDX-License-Identifier: Apache-2.0
"""What a capture was about: the point of interest and its size, read from the sizes of Gaussians.

Training splits a Gaussian until it is about as large as what a pixel can show, so Gaussians are
small where many photographs came near and looked sharply. The weight opacity / size^3 (detail per
volume) therefore gathers on the subject, whatever surrounds it: on a room of which half of all
Gaussians are walls and garden, the weighted median lies a tenth of the camera distance from the
point that the real cameras look at, the plain median more than half of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.errors import SceneError

F64 = npt.NDArray[np.float64]

DETAIL_POWER = 3.0  # weight = opacity / size^3; 2 works as well, 1 lets the background in
WEIGHT_QUANTILE = 0.97  # needles a fraction of a pixel wide must not outweigh everything
SUBJECT_SHARE = 0.9  # of the detail; the rest is background that happens to be fine
MIN_VISIBLE_OPACITY = 1 / 255  # what no renderer draws says nothing about the capture


@dataclass(frozen=True)
class Subject:
    """A ball that holds most of the detail of a scene."""

    center: F64  # (3,) scene units
    radius: float  # > 0, scene units
    distances: F64  # (n,) of all Gaussians from the centre


def find_subject(splats: Splats) -> Subject:
    """Weighted median of the means, and the radius that holds `SUBJECT_SHARE` of the detail.

    Raises:
        SceneError: nothing visible, or all of it in one point.
    """
    weights = detail_weights(splats)
    if not weights.any():
        raise hopeless("no Gaussian is visible")
    means = splats.means.astype(np.float64)
    center = np.array([weighted_quantile(column, weights, 0.5) for column in means.T])
    distances = np.linalg.norm(means - center, axis=1)
    radius = weighted_quantile(distances, weights, SUBJECT_SHARE)
    if radius <= 0:
        raise hopeless("all visible Gaussians lie in one point")
    return Subject(center, radius, distances)


def detail_weights(splats: Splats) -> F64:  # (n,)
    """opacity / size^3, cut off at `WEIGHT_QUANTILE`; 0 where nothing is drawn."""
    opacity = sigmoid(splats.opacity_logits.astype(np.float64))
    visible = opacity > MIN_VISIBLE_OPACITY
    if not visible.any():
        return np.zeros(splats.n)
    log_size = splats.log_scales.max(axis=1).astype(np.float64)
    log_size -= np.median(log_size[visible])
    weights = np.where(visible, opacity * np.exp(np.clip(-DETAIL_POWER * log_size, -60, 60)), 0)
    return np.asarray(np.minimum(weights, np.quantile(weights[visible], WEIGHT_QUANTILE)))


def weighted_quantile(values: F64, weights: F64, share: float) -> float:  # (n,), (n,)
    """The smallest value at or below which `share` of the weight lies.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 8.0]), 0.5)
    2.0
    """
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, share * total[-1])]])


def hopeless(what: str) -> SceneError:
    """The error to raise when no cameras can be invented."""
    return SceneError(
        f"no cameras can be invented: {what}",
        expected="visible Gaussians spread in space",
        found=what,
        hint="give --cameras",
    )

# SPDX-License-Identifier: Apache-2.0
"""Scenes whose rows changed places."""

from __future__ import annotations

import numpy as np

from flexgs.core import Splats
from flexgs.core.activations import sigmoid


def matched(found: Splats, original: Splats) -> Splats:
    """`found` in the order of `original`: by the nearest mean, each taken once."""
    away = np.linalg.norm(found.means[None] - original.means[:, None], axis=2)
    nearest = away.argmin(axis=1) if found.n else np.zeros(0, int)
    assert sorted(nearest) == list(range(original.n))
    return found.select(nearest)


def angles(a: Splats, b: Splats) -> np.ndarray:
    """Between the rotations of two scenes, radians, (n,)."""
    unit = [s.quats / np.linalg.norm(s.quats, axis=1, keepdims=True) for s in (a, b)]
    cosines = np.abs(np.einsum("ij,ij->i", unit[0].astype(float), unit[1].astype(float)))
    return 2 * np.arccos(np.minimum(cosines, 1))


def alpha_error(a: Splats, b: Splats) -> float:
    """Largest difference of opacities."""
    difference = sigmoid(a.opacity_logits) - sigmoid(b.opacity_logits)
    return float(np.abs(difference).max(initial=0))

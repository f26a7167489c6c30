# SPDX-License-Identifier: Apache-2.0
"""Scenes whose harmonics know where they were seen from, as training leaves them."""

from __future__ import annotations

import numpy as np

from flexgs.cameras.upright import fibonacci_sphere
from flexgs.core import Splats
from flexgs.core.sh import sh_basis

UP = np.array([0.0, -0.8, -0.6])  # neither an axis nor the y of a camera
EAST = np.array([1.0, 0.0, 0.0])
NORTH = np.cross(UP, EAST)


def ring(
    radius: float,
    elevations: tuple[float, float],
    azimuths: tuple[float, float] = (0, 360),
    count: int = 120,
) -> np.ndarray:  # (count, 3)
    """Positions of cameras around the origin, degrees above the horizon."""
    rng = np.random.default_rng(1)
    e, a = (np.radians(rng.uniform(*span, count)) for span in (elevations, azimuths))
    flat = np.cos(a)[:, None] * EAST + np.sin(a)[:, None] * NORTH
    return radius * (np.cos(e)[:, None] * flat + np.sin(e)[:, None] * UP)


def trained(
    means: np.ndarray,  # (n, 3)
    normals: np.ndarray,  # (n, 3) outward: cameras behind see nothing
    sizes: np.ndarray,  # (n,)
    eyes: np.ndarray,  # (v, 3)
    degree: int = 3,
) -> Splats:
    """Flat Gaussians; harmonics are sums of Y(direction) over the views, times random residuals."""
    rng = np.random.default_rng(0)
    n = len(means)
    sh = np.zeros((n, (degree + 1) ** 2, 3))
    sh[:, 0] = rng.normal(0, 1, (n, 3))
    for eye in eyes:
        toward = means - eye
        toward /= np.linalg.norm(toward, axis=1, keepdims=True)
        seen = (toward * normals).sum(axis=1) < 0
        residual = rng.normal(0, 0.01, (n, 1, 3)) * seen[:, None, None]
        sh[:, 1:] += sh_basis(toward, degree)[:, 1:, None] * residual
    scales = np.log(sizes)[:, None] + np.array([0.0, 0.0, -2.0])
    return Splats(means, scales, quats_to(normals), np.full(n, 3.0), sh)


def quats_to(normals: np.ndarray) -> np.ndarray:  # (n, 3) -> (n, 4)
    """Rotations that take z to each normal."""
    normals = np.where(normals[:, 2:] < -0.999, -normals, normals)
    w = 1 + normals[:, 2]
    return np.stack([w, -normals[:, 1], normals[:, 0], np.zeros_like(w)], axis=1)


def object_on_floor(eyes: np.ndarray, degree: int = 3, count: int = 1500) -> Splats:
    """A ball of radius 1 full of detail that stands on a floor of coarse Gaussians."""
    ball = fibonacci_sphere(count)
    rng = np.random.default_rng(2)
    plan = rng.uniform(-8, 8, (count // 2, 2))
    floor = plan[:, :1] * EAST + plan[:, 1:] * NORTH - UP
    return trained(
        np.concatenate([ball, floor]),
        np.concatenate([ball, np.tile(UP, (len(floor), 1))]),
        np.concatenate([np.full(count, 0.04), np.full(len(floor), 0.3)]),
        eyes,
        degree,
    )


def room(eyes: np.ndarray, count: int = 3000) -> Splats:
    """Six walls of a cube of side 6, seen from within."""
    rng = np.random.default_rng(3)
    axes = np.stack([EAST, NORTH, UP])
    side = rng.integers(0, 3, count)
    local = rng.uniform(-3, 3, (count, 3))
    sign = rng.choice([-1.0, 1.0], count)
    local[np.arange(count), side] = 3 * sign
    return trained(local @ axes, -sign[:, None] * axes[side], np.full(count, 0.12), eyes)

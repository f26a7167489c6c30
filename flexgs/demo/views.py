# SPDX-License-Identifier: Apache-2.0
"""Cameras around the demo's world, and the surface points that they see."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera
from flexgs.core.views import look_at
from flexgs.demo.world import camera_rays, cast

F32 = npt.NDArray[np.float32]

TARGET = (0.0, -0.4, 0.0)
ORBITS = ((3.9, 0.9), (3.6, 1.7), (3.1, 2.5))  # distance from the axis, height
FIELD_OF_VIEW = math.radians(54)  # horizontal
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def orbit_cameras(count: int, width: int, height: int) -> tuple[Camera, ...]:
    """Views on three orbits, all directions covered evenly by any run of consecutive names.

    >>> [camera.name for camera in orbit_cameras(2, 32, 24)]
    ['view_000', 'view_001']
    """
    focal = 0.5 * width / math.tan(0.5 * FIELD_OF_VIEW)
    cameras = []
    for i in range(count):
        distance, up = ORBITS[i % len(ORBITS)]
        eye = (distance * math.cos(i * GOLDEN_ANGLE), -up, distance * math.sin(i * GOLDEN_ANGLE))
        pose = look_at(eye, TARGET, (0, -1, 0))
        middle = (width / 2, height / 2)
        cameras.append(Camera(f"view_{i:03d}", width, height, focal, focal, *middle, pose))
    return tuple(cameras)


def surface_points(
    cameras: Sequence[Camera],
    count: int,
    noise: float,  # standard deviation, share of the distance to the camera
    rng: np.random.Generator,
) -> tuple[F32, F32]:  # (count, 3) positions, (count, 3) colours 0..1
    """Points that random pixels of the views see, as a reconstruction would find them."""
    shares = np.array_split(np.arange(count), len(cameras))
    points, colours = [], []
    for camera, share in zip(cameras, shares, strict=True):
        x = rng.uniform(0, camera.width, len(share)).astype(np.float32)
        y = rng.uniform(0, camera.height, len(share)).astype(np.float32)
        origins, rays = camera_rays(camera, x, y)
        seen, distances = cast(origins, rays)
        error = noise * distances[:, None] * rng.normal(size=origins.shape)
        points.append(origins + distances[:, None] * rays + error)
        colours.append(seen)
    return np.concatenate(points).astype(np.float32), np.concatenate(colours)

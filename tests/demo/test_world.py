# SPDX-License-Identifier: Apache-2.0
"""The demo's ray caster."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.demo.solids import Box, Floor, Material, Solid, Sphere, checker
from flexgs.demo.views import orbit_cameras, surface_points
from flexgs.demo.world import SKY_RADIUS, WORLD, cast, photograph

PLAIN = Material(checker, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1, 0.0, 0.5)
RNG = np.random.default_rng(0)


def rays_at(target: list[float], count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Rays from all around (above the floor) towards points near the target."""
    origins = RNG.normal(size=(count, 3))
    origins *= 5 / np.linalg.norm(origins, axis=1, keepdims=True)
    origins[:, 1] = -np.abs(origins[:, 1]) - 0.5
    towards = np.array(target) + RNG.normal(0, 0.4, size=(count, 3)) - origins
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return origins.astype(np.float32), towards.astype(np.float32)


def distance_to(solid: Solid, points: np.ndarray) -> np.ndarray:
    """How far points are from the surface."""
    if isinstance(solid, Sphere):
        return np.linalg.norm(points - np.array(solid.center), axis=1) - solid.radius
    if isinstance(solid, Box):
        return np.abs(np.abs(solid.local(points)) / np.array(solid.half)).max(axis=1) - 1
    return points[:, 1]


@pytest.mark.parametrize("solid", WORLD, ids=[f"{i}" for i in range(len(WORLD))])
def test_hits_lie_on_the_surface_and_face_the_viewer(solid: Solid) -> None:
    origins, rays = rays_at([0, 0, 0] if isinstance(solid, Floor) else list(solid.center))
    distances = solid.hit(origins, rays)
    hit = np.isfinite(distances)
    assert hit.sum() > 10
    points = origins[hit] + distances[hit, None] * rays[hit]
    assert np.abs(distance_to(solid, points)).max() < 1e-4
    normals = solid.normals(points)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)
    assert (np.einsum("nc,nc->n", normals, rays[hit]) < 0).all()


def test_the_nearer_of_two_is_seen_and_the_sky_behind_both() -> None:
    near, far = Sphere((0, 0, 3), 0.5, PLAIN), Sphere((0, 0, 5), 1.0, PLAIN)
    rays = np.array([[0, 0, 1], [0, 0.15, 1], [0, 1, 0]], dtype=np.float32)
    rays[1] /= np.linalg.norm(rays[1])
    _, distances = cast(np.zeros((3, 3), np.float32), rays, (far, near))
    assert distances[0] == pytest.approx(2.5)
    assert distances[2] == pytest.approx(SKY_RADIUS)
    _, without = cast(np.zeros((3, 3), np.float32), rays, (far,))
    assert without[0] == pytest.approx(4.0)


def test_shine_moves_with_the_viewer() -> None:
    """The same surface point has different colours from different sides."""
    point = np.array([0.0, -1.4, 0.0])  # the top of the big ball
    eyes = np.array([[3, -3, 0.5], [-1.6, -2.5, -1.8]])
    rays = point - eyes
    lengths = np.linalg.norm(rays, axis=1, keepdims=True)
    colours, distances = cast(eyes.astype(np.float32), (rays / lengths).astype(np.float32))
    np.testing.assert_allclose(distances, lengths[:, 0], rtol=1e-4)
    assert np.abs(colours[0] - colours[1]).max() > 0.1


def test_photographs_are_in_range_and_alike_at_any_band_height(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = orbit_cameras(1, 40, 30)[0]
    image = photograph(camera)
    assert image.shape == (30, 40, 3)
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.std() > 0.1
    monkeypatch.setattr("flexgs.demo.world.BAND", 7)
    np.testing.assert_allclose(photograph(camera), image, atol=1e-5)


def test_surface_points_lie_where_the_cameras_look() -> None:
    cameras = orbit_cameras(3, 40, 30)
    points, colours = surface_points(cameras, 100, 0.0, np.random.default_rng(0))
    assert points.shape == colours.shape == (100, 3)
    surfaces = np.stack([np.abs(distance_to(solid, points)) for solid in WORLD])
    in_sky = np.abs(np.linalg.norm(points, axis=1) - SKY_RADIUS)
    assert np.minimum(surfaces.min(axis=0), in_sky).max() < 1e-3

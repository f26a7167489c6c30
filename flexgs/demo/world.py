# SPDX-License-Identifier: Apache-2.0
"""A small world that is not made of Gaussians, and its ray caster: what the demo is fitted to.

Textured spheres and boxes stand on a glossy floor under a sky with a sun: occlusion, hard shadows,
sharp texture edges, highlights (GGX) and Fresnel reflections of the sky that move with the viewer.
Up is -y, as in most COLMAP scenes; lengths are about metres.
"""

from __future__ import annotations

import numpy as np

from flexgs.core import Camera
from flexgs.demo.solids import (
    EPSILON,
    F32,
    Box,
    Floor,
    Material,
    Solid,
    Sphere,
    checker,
    dots,
    float32,
    marble,
    stripes,
)

SUN = float32([0.45, -0.75, 0.48]) / np.linalg.norm([0.45, -0.75, 0.48])
SUN_LIGHT = 1.6
SKY_LIGHT = 0.55
GAMMA = 1 / 2.2
BAND = 12  # rows of a photograph cast at once: more would leave the processor's cache
SKY_RADIUS = 14.0  # where the demo puts points that show the sky

BALL = Material(marble, (0.7, 0.1, 0.08), (0.9, 0.75, 0.5), 4, 0.35, 0.55)
RINGS = Material(stripes, (0.1, 0.35, 0.7), (0.9, 0.9, 0.85), 6, 0.15, 0.5)
EGG = Material(dots, (0.95, 0.75, 0.1), (0.15, 0.15, 0.5), 5, 0.12, 0.5)
METAL = Material(marble, (0.6, 0.6, 0.65), (0.75, 0.75, 0.8), 3, 0.7, 0.5)
TOWER = Material(dots, (0.15, 0.5, 0.3), (0.85, 0.85, 0.6), 4, 0.08, 0.5)
CRATE = Material(checker, (0.8, 0.4, 0.2), (0.95, 0.9, 0.8), 5, 0.15, 0.5)
STEP = Material(stripes, (0.45, 0.3, 0.5), (0.2, 0.6, 0.6), 14, 0.12, 0.5)
TILES = Material(checker, (0.75, 0.7, 0.6), (0.2, 0.23, 0.28), 1.4, 0.06, 0.45)

WORLD: tuple[Solid, ...] = (
    Floor(3.2, TILES),
    Sphere((0.0, -0.7, 0.0), 0.7, BALL),
    Sphere((1.35, -0.42, 0.55), 0.42, RINGS),
    Sphere((-1.2, -0.35, -0.85), 0.35, EGG),
    Sphere((0.35, -0.25, -1.3), 0.25, METAL),
    Box((-1.25, -0.55, 0.75), (0.4, 0.55, 0.4), 0.5, TOWER),
    Box((1.05, -0.3, -0.85), (0.5, 0.3, 0.3), -0.6, CRATE),
    Box((0.25, -0.15, 1.5), (0.6, 0.15, 0.2), 0.2, STEP),
)


def sky(rays: F32) -> F32:  # (n, 3) unit -> (n, 3) linear light
    """A gradient from the horizon to the zenith, haze below, a glow around the sun."""
    height = -rays[:, 1:2]
    horizon, zenith = float32([0.75, 0.78, 0.82]), float32([0.16, 0.33, 0.7])
    ground = float32([0.2, 0.19, 0.2])
    up = np.clip(height, 0, 1) ** 0.6
    down = np.clip(-4 * height, 0, 1)
    glow = np.clip(rays @ SUN, 0, 1)[:, None] ** 12
    light = (horizon + up * (zenith - horizon)) * (1 - down) + ground * down
    return float32(light + glow * float32([0.6, 0.5, 0.35]))


def highlight(normals: F32, rays: F32, roughness: float) -> F32:  # -> (n,)
    """The sun's reflection on a rough coat, without Fresnel.

    Source: Walter et al., "Microfacet models for refraction through rough surfaces", 2007, eq. 33
    (the distribution; shadowing and masking are left at their straight-on value).
    """
    middle = SUN - rays
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    cosine = np.clip(np.einsum("nc,nc->n", normals, middle), 0, 1)
    a2 = roughness**4
    spread = a2 / (np.pi * (cosine**2 * (a2 - 1) + 1) ** 2)
    return float32(0.25 * spread * np.clip(normals @ SUN, 0, 1))


def _lit(points: F32, world: tuple[Solid, ...]) -> F32:  # (n,) 1 in the sun, 0 in shadow
    towards = np.broadcast_to(SUN, points.shape)
    free = np.ones(len(points), np.float32)
    for solid in world:
        if not isinstance(solid, Floor):  # the floor is below everything
            free[np.isfinite(solid.hit(points, towards))] = 0
    return free


def _shade(solid: Solid, points: F32, rays: F32, world: tuple[Solid, ...]) -> F32:
    """Linear light that leaves the points (n, 3) against the rays."""
    coat, normals = solid.material, solid.normals(points)
    mix = coat.texture(float32(solid.local(points) * coat.cells))[:, None]
    albedo = float32(coat.first) * (1 - mix) + float32(coat.second) * mix
    sun = _lit(float32(points + EPSILON * normals), world)[:, None]
    facing = np.clip(normals @ SUN, 0, 1)[:, None]
    ambient = SKY_LIGHT * (0.6 - 0.4 * normals[:, 1:2])  # more from above
    towards = np.clip(-np.einsum("nc,nc->n", normals, rays), 0, 1)[:, None]
    fresnel = coat.reflectance + (1 - coat.reflectance) * (1 - towards) ** 5
    mirrored = float32(rays + 2 * towards * normals)
    shine = sky(mirrored) + SUN_LIGHT * sun * highlight(normals, rays, coat.roughness)[:, None]
    diffuse = albedo * (ambient + SUN_LIGHT / np.pi * 2 * sun * facing)
    return float32((1 - fresnel) * diffuse + fresnel * shine)


def cast(
    origins: F32,  # (n, 3)
    rays: F32,  # (n, 3) unit
    world: tuple[Solid, ...] = WORLD,
) -> tuple[F32, F32]:  # (n, 3) display colours 0..1, (n,) distances
    """What the rays see; the sky lies at SKY_RADIUS around the origin."""
    hits = np.stack([solid.hit(origins, rays) for solid in world])
    which, distances = hits.argmin(axis=0), hits.min(axis=0)
    colours = sky(rays)
    for i, solid in enumerate(world):
        mine = (which == i) & np.isfinite(distances)
        points = origins[mine] + distances[mine, None] * rays[mine]
        colours[mine] = _shade(solid, points, rays[mine], world)
    along = np.einsum("nc,nc->n", origins, rays)
    room = along**2 - np.einsum("nc,nc->n", origins, origins) + SKY_RADIUS**2
    distances = np.where(np.isfinite(distances), distances, np.sqrt(room) - along)
    return float32(np.clip(colours, 0, 1) ** GAMMA), float32(distances)


def camera_rays(camera: Camera, x: F32, y: F32) -> tuple[F32, F32]:  # pixels (n,) -> (n, 3) twice
    """Origins and unit directions of the rays through image points."""
    local = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 0 * x + 1], axis=1)
    rays = local @ camera.world_to_camera[:3, :3]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    origins = np.broadcast_to(camera.center, rays.shape)
    return float32(origins), float32(rays)


def photograph(camera: Camera, samples: int = 2) -> F32:  # (h, w, 3) 0..1
    """The world seen by `camera`, with `samples` x `samples` rays a pixel."""
    image = np.empty((camera.height, camera.width, 3), np.float32)
    for top in range(0, camera.height, BAND):
        band = image[top : top + BAND]
        rows, columns = np.mgrid[: len(band) * samples, : camera.width * samples]
        x, y = (columns.ravel() + 0.5) / samples, (rows.ravel() + 0.5) / samples + top
        colours, _ = cast(*camera_rays(camera, float32(x), float32(y)))
        fine = colours.reshape(len(band), samples, camera.width, samples, 3)
        band[:] = fine.mean(axis=(1, 3))
    return image

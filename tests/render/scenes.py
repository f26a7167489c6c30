# SPDX-License-Identifier: Apache-2.0
"""Small scenes that between them reach every branch of a rasteriser."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.core.views import look_at


@dataclass(frozen=True)
class Case:
    """A scene and the camera it is seen from."""

    splats: Splats
    camera: Camera


def camera(width: int = 48, height: int = 36, name: str = "a") -> Camera:
    """Oblique, off-centre, with pixels that are not square."""
    pose = look_at([0.3, -0.4, -4.0], [0.1, 0.05, 0.0], [0.1, -1.0, 0.05])
    focal = 1.1 * width
    return Camera(
        name,
        width,
        height,
        focal,
        0.9 * focal,
        0.47 * width,
        0.54 * height,
        pose,
    )


def random_scene(
    n: int,
    degree: int,
    seed: int,
    *,
    spread: float = 0.9,
    log_scale: tuple[float, float] = (-2.6, -1.2),
    logit: tuple[float, float] = (-2.0, 2.5),
) -> Splats:
    """Gaussians around the origin; sizes and opacities uniform in the ranges given."""
    rng = np.random.default_rng(seed)
    k = (degree + 1) ** 2
    sh = 0.25 * rng.normal(size=(n, k, 3))
    sh[:, 0] = rng.normal(0.3, 1.2, size=(n, 3))  # some channels of some colours are cut at 0
    return Splats(
        means=rng.normal(0, spread, size=(n, 3)),
        log_scales=rng.uniform(*log_scale, size=(n, 3)),
        quats=rng.normal(size=(n, 4)) * rng.uniform(0.3, 3, size=(n, 1)),
        opacity_logits=rng.uniform(*logit, size=n),
        sh=sh,
    )


def _behind(seed: int) -> Splats:
    """Half of the Gaussians behind the camera, some on either side of the near plane."""
    scene = random_scene(40, 1, seed)
    means = scene.means.copy()
    means[:20, 2] -= 8
    view = camera()
    forward = view.world_to_camera[2, :3]
    means[20:24] = view.center + np.outer([0.003, 0.009, 0.3, 0.5], forward)
    log_scales = scene.log_scales.copy()
    log_scales[20:24] = -5
    return replace(scene, means=means, log_scales=log_scales)


def _many_layers(seed: int) -> Splats:
    """Sixty wide layers, so that the transmittance is used up everywhere."""
    scene = random_scene(60, 1, seed, spread=0.25, log_scale=(-1.0, -0.1), logit=(0.0, 3.0))
    means = scene.means.copy()
    means[:, 2] = np.linspace(-1.5, 1.5, 60)
    return replace(scene, means=means)


def cases(width: int = 48, height: int = 36) -> dict[str, Case]:
    """All scenes by name."""
    scenes = {
        "dense": random_scene(50, 3, 1),
        "degree_0": random_scene(30, 0, 2),
        "degree_2": random_scene(30, 2, 3),
        "outside": random_scene(50, 1, 4, spread=3.0, log_scale=(-1.5, 0.3)),
        "behind": _behind(5),
        "opaque": random_scene(30, 1, 6, logit=(6.0, 10.0)),
        "needles": random_scene(40, 1, 7, log_scale=(-6.0, -0.5)),
        "tiny": random_scene(60, 1, 8, log_scale=(-8.0, -5.0), logit=(0.0, 5.0)),
        "huge": random_scene(20, 1, 9, log_scale=(0.0, 1.5)),
        "layers": _many_layers(10),
        "mip": replace(random_scene(50, 1, 11, log_scale=(-5.0, -1.5)), model="mip"),
        "one": random_scene(1, 3, 12, spread=0.1),
    }
    return {name: Case(scene, camera(width, height)) for name, scene in scenes.items()}

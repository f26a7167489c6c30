# SPDX-License-Identifier: Apache-2.0
"""A small scene that has something to see from every side, and a stand-in for the built page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.core.views import look_at
from flexgs.io import write_ply

INDEX = (Path(__file__).parents[2] / "viewer" / "src" / "index.html").read_bytes()


def ball(n: int = 1500, degree: int = 3, seed: int = 0) -> Splats:
    """Gaussians on a sphere of radius 1, coloured by place, with some shine."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(n, 3))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    sh = rng.normal(0, 0.15, (n, (degree + 1) ** 2, 3))
    sh[:, 0] = 1.5 * means
    return Splats(
        means, rng.normal(-2.6, 0.5, (n, 3)), rng.normal(size=(n, 4)), rng.normal(1, 1.5, n), sh
    )


def ring(count: int = 5, width: int = 320, height: int = 240) -> tuple[Camera, ...]:
    """Cameras around the ball, each with a principal point of its own."""
    cameras = []
    for i, angle in enumerate(np.linspace(0, 2 * np.pi, count, endpoint=False)):
        pose = look_at([3 * np.cos(angle), -0.8, 3 * np.sin(angle)], [0, 0, 0], [0, -1, 0])
        lens = (280.0, 280.0, width / 2 + 6 * i, height / 2 - 4 * i)
        cameras.append(Camera(f"v{i}", width, height, *lens, pose))
    return tuple(cameras)


def write_cameras(path: Path, cameras: tuple[Camera, ...]) -> None:
    """As nerfstudio's transforms.json, which can say where the principal point is."""
    frames = []
    for camera in cameras:
        pose = np.linalg.inv(camera.world_to_camera) @ np.diag([1, -1, -1, 1])
        frames.append(
            {"file_path": camera.name, "transform_matrix": pose.tolist()} | lens_of(camera)
        )
    path.write_text(json.dumps({"frames": frames}))


def lens_of(camera: Camera) -> dict[str, float]:
    return {
        "w": camera.width,
        "h": camera.height,
        "fl_x": camera.fx,
        "fl_y": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
    }


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scene.ply and its cameras."""
    path = tmp_path_factory.mktemp("scene")
    write_ply(path / "scene.ply", ball())
    write_cameras(path / "transforms.json", ring())
    return path


@pytest.fixture
def bundle() -> dict[str, bytes]:
    """What a build leaves, with the page's own HTML."""
    return {
        "index.html": INDEX,
        "app.js": b"console.log('app')",
        "app.css": b"body { color: red }",
        "licences.txt": b"MIT",
    }

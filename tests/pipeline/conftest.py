# SPDX-License-Identifier: Apache-2.0
"""A small scene on disk with cameras.json and photographs (renders with noise)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.core.views import look_at
from flexgs.io import write_ply, write_png
from flexgs.render import get_renderer

SIZE = (64, 48)


def make_splats(n: int = 1500, seed: int = 3) -> Splats:
    """A ball of small Gaussians."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(n, 3))
    means = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    sh = rng.normal(0, 0.08, (n, 16, 3))
    sh[:, 0] = 1.2 * np.sin(3 * means) + rng.normal(0, 0.1, (n, 3))
    return Splats(
        means * rng.uniform(0.7, 1.0, (n, 1)),
        rng.normal(-2.6, 0.4, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(1.0, 1.5, n),
        sh,
    )


def make_cameras(count: int = 24) -> tuple[Camera, ...]:
    """Around it, in two rings."""
    cameras = []
    for i in range(count):
        angle = 2 * np.pi * i / count
        eye = [3 * np.cos(angle), 0.8 if i % 2 else -0.9, 3 * np.sin(angle)]
        pose = look_at(eye, [0, 0, 0], [0, -1, 0])
        width, height = SIZE
        cameras.append(Camera(f"v{i:02d}", width, height, 64, 64, width / 2, height / 2, pose))
    return tuple(cameras)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scene.ply in a folder with cameras.json and images/."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "images").mkdir()
    splats, renderer = make_splats(), get_renderer("cpu", 2)
    write_ply(folder / "scene.ply", splats)
    rng = np.random.default_rng(0)
    entries = []
    for i, camera in enumerate(make_cameras()):
        rotation = camera.world_to_camera[:3, :3].T
        entries.append(
            {
                "id": i,
                "img_name": camera.name,
                "width": camera.width,
                "height": camera.height,
                "position": camera.center.tolist(),
                "rotation": rotation.tolist(),
                "fx": camera.fx,
                "fy": camera.fy,
            }
        )
        image = renderer.render(splats, camera)
        noisy = np.clip(image + rng.normal(0, 0.04, image.shape), 0, 1)
        write_png(folder / "images" / f"{camera.name}.png", noisy)
    (folder / "cameras.json").write_text(json.dumps(entries))
    return folder / "scene.ply"

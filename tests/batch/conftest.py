# SPDX-License-Identifier: Apache-2.0
"""Two tiny models in INRIA's layout, with cameras and photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.core.views import look_at
from flexgs.io import write_ply, write_png
from flexgs.io.cameras.inria import write_inria
from flexgs.render import get_renderer

SIDE = 24  # pixels
VIEWS = 16


def make_splats(seed: int, n: int = 200) -> Splats:
    rng = np.random.default_rng(seed)
    return Splats(
        rng.normal(0, 0.5, (n, 3)),
        rng.normal(-2.2, 0.3, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(1, 1, n),
        rng.normal(0, 0.3, (n, 4, 3)),
    )


def make_views() -> tuple[Camera, ...]:
    angles = np.linspace(0, 2 * np.pi, VIEWS, endpoint=False)
    poses = [look_at([3 * np.cos(a), 0.5, 3 * np.sin(a)], [0, 0, 0], [0, -1, 0]) for a in angles]
    half = SIDE / 2
    return tuple(
        Camera(f"v{i:02d}", SIDE, SIDE, SIDE, SIDE, half, half, pose)
        for i, pose in enumerate(poses)
    )


def make_model(folder: Path, seed: int, images: bool = True) -> Path:
    """INRIA's layout; returns the scene file."""
    scene = folder / "point_cloud" / "iteration_30000" / "point_cloud.ply"
    scene.parent.mkdir(parents=True)
    splats, views = make_splats(seed), make_views()
    write_ply(scene, splats)
    write_inria(folder / "cameras.json", views)
    (folder / "cfg_args").write_text("Namespace(images='images', source_path='')")
    if images:
        make_photographs(folder / "images", splats)
    return scene


def make_photographs(folder: Path, splats: Splats, scale: int = 1) -> None:
    folder.mkdir(parents=True)
    rng, renderer = np.random.default_rng(0), get_renderer("cpu", 1)
    for view in make_views():
        image = renderer.render(splats, view.scaled(scale))
        write_png(folder / f"{view.name}.png", image + rng.normal(0, 0.03, image.shape))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the models `ash` and `birch`; nothing may change it."""
    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("ash", "birch")):
        make_model(folder / name, seed)
    return folder

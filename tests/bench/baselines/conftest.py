# SPDX-License-Identifier: Apache-2.0
"""A small scene, and the same with cameras on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.views import look_at
from flexgs.io import write_ply


def make_splats(n: int, k: int = 16, seed: int = 0) -> Splats:
    rng = np.random.default_rng(seed)
    return Splats(
        rng.normal(size=(n, 3)),
        rng.normal(-2.5, 0.3, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(1, 1, n),
        rng.normal(0, 0.2, (n, k, 3)),
    )


@pytest.fixture(scope="session")
def splats() -> Splats:
    return make_splats(2500)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A .ply of 400 Gaussians with twelve small cameras beside it, and no photographs."""
    write_ply(tmp_path / "point_cloud.ply", make_splats(400, 4))
    views = []
    for i, angle in enumerate(np.linspace(0, 2 * np.pi, 12, endpoint=False)):
        pose = look_at([6 * np.cos(angle), 1, 6 * np.sin(angle)], [0, 0, 0], [0, -1, 0])
        rotation = pose[:3, :3].T
        views.append(
            {
                "id": i,
                "img_name": f"{i:02d}.png",
                "width": 48,
                "height": 36,
                "position": (-rotation @ pose[:3, 3]).tolist(),
                "rotation": rotation.tolist(),
                "fx": 50.0,
                "fy": 50.0,
            }
        )
    (tmp_path / "cameras.json").write_text(json.dumps(views), encoding="utf-8")
    return tmp_path / "point_cloud.ply"

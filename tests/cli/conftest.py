# SPDX-License-Identifier: Apache-2.0
"""A tiny scene on disk, and the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flexgs.cli import app
from flexgs.core import Splats
from flexgs.core.views import look_at
from flexgs.io import write_ply
from flexgs.viewer import server
from flexgs.viewer.server import PageServer

Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def splats() -> Splats:
    rng = np.random.default_rng(0)
    n = 300
    return Splats(
        rng.normal(size=(n, 3)),
        rng.normal(-2.5, 0.3, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(1, 1, n),
        rng.normal(0, 0.3, (n, 4, 3)),
    )


@pytest.fixture
def ply(splats: Splats, tmp_path: Path) -> Path:
    path = tmp_path / "scene.ply"
    write_ply(path, splats)
    return path


@pytest.fixture
def cameras(tmp_path: Path) -> Path:
    """Twelve small views around the scene."""
    views = []
    for i, angle in enumerate(np.linspace(0, 2 * np.pi, 12, endpoint=False)):
        pose = look_at([6 * np.cos(angle), 1, 6 * np.sin(angle)], [0, 0, 0], [0, -1, 0])
        rotation = pose[:3, :3].T
        views.append(
            {
                "id": i,
                "img_name": f"v{i:02d}",
                "width": 40,
                "height": 32,
                "position": (-rotation @ pose[:3, 3]).tolist(),
                "rotation": rotation.tolist(),
                "fx": 40.0,
                "fy": 40.0,
            }
        )
    path = tmp_path / "views.json"
    path.write_text(json.dumps(views))
    return path


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[PageServer]:
    """Those that would have served; nobody serves or opens a browser."""
    found: list[PageServer] = []

    def serve(made: PageServer) -> None:
        found.append(made)
        made.server_close()

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(server, "open_browser", lambda url: bool(found.append(url)))  # type: ignore[func-returns-value,arg-type]
    return found

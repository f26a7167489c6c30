# SPDX-License-Identifier: Apache-2.0
"""A tiny scene on disk, and the command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flexgs.cli import app
from flexgs.core import Splats
from flexgs.io import write_ply

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

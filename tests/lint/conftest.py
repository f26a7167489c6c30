# SPDX-License-Identifier: Apache-2.0
"""A sound scene, and how to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.io import write_ply
from flexgs.lint import Inspection, inspect

Spoil = Callable[..., Inspection]


@pytest.fixture
def splats() -> Splats:
    rng = np.random.default_rng(5)
    n = 400
    quats = rng.normal(size=(n, 4))
    return Splats(
        rng.normal(size=(n, 3)),
        rng.uniform(-4, -2.5, size=(n, 3)),
        quats / np.linalg.norm(quats, axis=1, keepdims=True),
        rng.uniform(-2, 3, size=n),
        rng.normal(0, 0.2, size=(n, 9, 3)),
    )


@pytest.fixture
def spoil(splats: Splats, tmp_path: Path) -> Spoil:
    """Inspects the scene after rows of some fields were set: spoil(means=(rows, value))."""

    def run(formats: str = "none", **changes: tuple[Any, Any]) -> Inspection:
        spoilt = splats
        for name, (rows, value) in changes.items():
            array = getattr(spoilt, name).copy()
            array[rows] = value
            spoilt = replace(spoilt, **{name: array})
        write_ply(tmp_path / "scene.ply", spoilt, force=True)
        return inspect(tmp_path / "scene.ply", formats=formats)

    return run

# SPDX-License-Identifier: Apache-2.0
"""Gaussians -> a file of a format -> what a viewer reads from it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from flexgs.core import Splats
from flexgs.io import atomic_write
from flexgs.io.formats.losses import Loss
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.scenes import open_scene, write_scene


@dataclass(frozen=True, eq=False)
class Trip:
    """One file, and what was read back from it."""

    data: bytes
    decoded: Splats
    losses: tuple[Loss, ...]


def round_trip(splats: Splats, entry: SceneFormat) -> Trip:
    """Writes a file, and reads it from the disk.

    Raises:
        UsageError, SceneError: see `write_scene`.
    """
    with tempfile.TemporaryDirectory(prefix="flexgs-") as folder:
        path = Path(folder, f"scene{entry.suffixes[0]}")
        losses = write_scene(splats, path)
        return Trip(path.read_bytes(), open_scene(path).splats, losses)


def read_back(data: bytes, entry: SceneFormat) -> Splats:
    """What the bytes say once they lie on the disk."""
    with tempfile.TemporaryDirectory(prefix="flexgs-") as folder:
        path = Path(folder, f"scene{entry.suffixes[0]}")
        with atomic_write(path) as file:
            file.write(data)
        return open_scene(path).splats

# SPDX-License-Identifier: Apache-2.0
"""Gaussians -> a file of a format -> what a viewer reads from it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from flexgs.core import Splats
from flexgs.importance.sums import F64
from flexgs.io import atomic_write
from flexgs.io.formats.fit import encode_by
from flexgs.io.formats.losses import Loss
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.scenes import open_scene, write_scene


@dataclass(frozen=True)
class Way:
    """One of the ways in which a format may hold a scene."""

    entry: SceneFormat
    recipe: str  # of the format; "" for those that have but one
    degree: int  # of the SH of all Gaussians


@dataclass(frozen=True, eq=False)
class Trip:
    """One file, and what was read back from it."""

    data: bytes
    decoded: Splats
    losses: tuple[Loss, ...]


def recipes_of(entry: SceneFormat) -> tuple[str, ...]:
    """Names of the recipes of a format, from fine to coarse."""
    return tuple(entry.recipes) or ("",)


def round_trip(splats: Splats, way: Way, weights: F64 | None = None) -> Trip:
    """Writes a file, and reads it from the disk.

    Args:
        splats: of the degree that `way` says.
        weights: (n,) squared error of each Gaussian's removal; None: not known yet.

    Raises:
        UsageError, SceneError: see `write_scene`.
    """
    with tempfile.TemporaryDirectory(prefix="flexgs-") as folder:
        path = Path(folder, f"scene{way.entry.suffixes[0]}")
        if way.recipe:
            encoded = encode_by(splats, way.entry, way.recipe, weights)
            losses = encoded.losses
            with atomic_write(path) as file:
                file.write(encoded.data)
        else:
            losses = write_scene(splats, path)
        return Trip(path.read_bytes(), open_scene(path).splats, losses)


def read_back(data: bytes, entry: SceneFormat) -> Splats:
    """What the bytes say once they lie on the disk."""
    with tempfile.TemporaryDirectory(prefix="flexgs-") as folder:
        path = Path(folder, f"scene{entry.suffixes[0]}")
        with atomic_write(path) as file:
            file.write(data)
        return open_scene(path).splats

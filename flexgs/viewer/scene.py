# SPDX-License-Identifier: Apache-2.0
"""A scene file that a page shows: decoded, and what to say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flexgs.codec import describe
from flexgs.codec.files import read_bytes
from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.io.formats.fit import lower_degree
from flexgs.io.formats.table import find_format
from flexgs.scenes import open_scene, scene_bytes
from flexgs.viewer.spark_arrays import MAX_DEGREE


@dataclass(frozen=True, eq=False)
class Shown:
    """One scene of a page. `name` is a file name, never a whole path."""

    name: str
    format: str
    size_bytes: int
    splats: Splats  # of degree 3 at most
    notes: tuple[str, ...] = ()  # what was odd about the file, what is not shown
    metadata: Mapping[str, Any] = field(default_factory=dict)  # what a .fgs says about itself


def open_shown(path: str | Path) -> Shown:
    """Reads a scene of any format.

    Raises:
        UsageError, FormatError: it cannot be read.
        SceneError: it holds nothing, or Gaussians of a picture.
    """
    kind = find_format(path).name
    file = open_scene(path)
    if file.splats.d != 3 or file.splats.n == 0:
        raise SceneError(
            "there is no scene to walk through in it",
            path=path,
            expected="Gaussians in three dimensions",
            found=f"{file.splats.n} in {file.splats.d} dimensions",
        )
    splats, losses = lower_degree(file.splats, MAX_DEGREE)
    metadata = describe(read_bytes(path)).metadata if kind == "fgs" else {}
    return Shown(
        name=Path(path).resolve().name,
        format=kind,
        size_bytes=scene_bytes(path),
        splats=splats,
        notes=(*file.notes, *(f"not shown: {loss}" for loss in losses)),
        metadata=metadata,
    )

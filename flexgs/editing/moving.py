# SPDX-License-Identifier: Apache-2.0
"""A scene scaled, rotated and moved, and its cameras with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.core.rotations import euler_to_matrix
from flexgs.core.transforms import place, place_camera
from flexgs.editing.files import Edited, Scene, check_output, open_source, save
from flexgs.errors import SceneError, UsageError
from flexgs.io import ensure_output
from flexgs.io.cameras.inria import write_inria
from flexgs.io.cameras.load import read_cameras

CAMERAS = "cameras.json"
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Motion:
    """First a scale, then a rotation, then a shift: p -> scale * R p + translate.

    Raises:
        UsageError: a number that is not finite, or a scale that is not over 0.

    >>> Motion(scale=2.0, translate=(0.0, 0.0, 1.0)).matrix.tolist()[2]
    [0.0, 0.0, 2.0, 1.0]
    """

    scale: float = 1.0
    rotate: Vector = (0.0, 0.0, 0.0)  # degrees about the fixed axes x, then y, then z
    translate: Vector = (0.0, 0.0, 0.0)  # scene units

    def __post_init__(self) -> None:
        for name in ("rotate", "translate"):
            values = getattr(self, name)
            if len(values) != 3 or not all(math.isfinite(value) for value in values):
                raise UsageError(
                    f"--{name} cannot be so", expected="3 finite numbers", found=values
                )
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise UsageError("--scale cannot be so", expected="over 0", found=self.scale)

    @property
    def rotation(self) -> npt.NDArray[np.float64]:  # (3, 3)
        """R."""
        return euler_to_matrix(self.rotate)

    @property
    def matrix(self) -> npt.NDArray[np.float64]:  # (4, 4)
        """What takes points of the scene, (x, y, z, 1), to their new places."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.scale * self.rotation
        matrix[:3, 3] = self.translate
        return matrix

    def move(self, splats: Splats) -> Splats:
        """The 3-D Gaussians at their new places, their sizes, rotations and SH with them."""
        if self == Motion():
            return splats
        return place(splats, self.rotation, self.scale, self.translate)

    def move_cameras(self, cameras: Sequence[Camera]) -> tuple[Camera, ...]:
        """The cameras that see of the moved scene what they saw of it before."""
        return tuple(
            place_camera(camera, self.rotation, self.scale, self.translate) for camera in cameras
        )


def transform(
    scene: Scene,
    motion: Motion,
    output: str | Path | None = None,
    *,
    cameras: str | Path | None = None,
    force: bool = False,
    variant: str | None = None,
    plain: bool = False,
    drop_invalid: bool = False,
) -> Edited:
    """A scene scaled, rotated and moved: positions, sizes, rotations and SH.

    Args:
        scene: a file of any format, or Gaussians.
        motion: of the scene, in its own axes and units.
        output: where it goes; the name says the format. None: nowhere.
        cameras: see `read_cameras`; moved too, and written as cameras.json beside `output`.
        variant: of that format, see `write_scene`.
        plain: see `write_scene`.
        drop_invalid: leave Gaussians with unusable values out instead of refusing the scene.

    Raises:
        UsageError: `output` or the cameras beside it cannot be written.
        FormatError, SceneError: see `open_scene`, `read_cameras` and `write_scene`; a scene moved
            out of range.
    """
    check_output([scene], output, force)
    views, said = _open_cameras(cameras, output, force)
    opened = open_source(scene, drop_invalid)
    splats = opened.splats
    if splats.d != 3:
        raise SceneError("only scenes can be moved", expected="3-D", found=f"{splats.d}-D")
    moved = motion.move(splats)
    done = save(moved, [opened], output, force=force, variant=variant, plain=plain)
    if output is not None and cameras is not None:
        write_inria(_beside(output), motion.move_cameras(views))
        said = (*said, f"{len(views)} cameras moved along into {CAMERAS}")
    return replace(done, notes=(*done.notes, *said))


def _beside(output: str | Path) -> Path:
    return Path(output).with_name(CAMERAS)


def _open_cameras(
    cameras: str | Path | None, output: str | Path | None, force: bool
) -> tuple[tuple[Camera, ...], tuple[str, ...]]:
    """The cameras to move, and notes on them; their place is checked first."""
    if cameras is None:
        return (), ()
    if output is None:
        raise UsageError("cameras are written beside the scene", expected="an output")
    ensure_output(_beside(output), force, [cameras])
    return read_cameras(cameras)

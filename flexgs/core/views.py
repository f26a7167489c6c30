# SPDX-License-Identifier: Apache-2.0
"""Cameras and the three-way split of views (docs/design.md, "What the target means")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.errors import SceneError
from flexgs.limits import MAX_CAMERA_SIDE

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera in OpenCV's frame (x right, y down, z forward), pixel centres at +0.5.

    Raises:
        SceneError: sizes, focal lengths or the pose are not usable.
    """

    name: str
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    world_to_camera: F64  # (4, 4), last row 0 0 0 1
    image_path: Path | None = None  # the photograph, where there is one

    def __post_init__(self) -> None:
        pose = np.ascontiguousarray(self.world_to_camera, dtype=np.float64).view()
        pose.flags.writeable = False
        object.__setattr__(self, "world_to_camera", pose)
        numbers = np.array([self.fx, self.fy, self.cx, self.cy], dtype=np.float64)
        if not (0 < self.width <= MAX_CAMERA_SIDE and 0 < self.height <= MAX_CAMERA_SIDE):
            raise SceneError(
                f"camera {self.name!r} has no usable size",
                expected=f"1..{MAX_CAMERA_SIDE} pixels a side",
                found=f"{self.width}x{self.height}",
            )
        if not np.isfinite(numbers).all() or self.fx <= 0 or self.fy <= 0:
            raise SceneError(
                f"camera {self.name!r} has no usable intrinsics",
                expected="finite fx, fy, cx, cy, focal lengths > 0",
                found=numbers.tolist(),
            )
        if pose.shape != (4, 4) or not np.isfinite(pose).all():
            raise SceneError(
                f"camera {self.name!r} has no usable pose",
                expected="a finite 4x4 world_to_camera",
                found=f"shape {pose.shape}",
            )
        rotation = pose[:3, :3]
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
            raise SceneError(
                f"camera {self.name!r}: the rotation of its pose is not orthonormal",
                expected="R R^T = 1",
                found=f"largest error {np.abs(rotation @ rotation.T - np.eye(3)).max():.3g}",
            )

    @property
    def center(self) -> F64:
        """Where the camera stands, (3,) scene units."""
        rotation, translation = self.world_to_camera[:3, :3], self.world_to_camera[:3, 3]
        return np.asarray(-rotation.T @ translation)

    def resized(self, width: int, height: int) -> Camera:
        """The same view in other pixels."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=self.cx * sx,
            cy=self.cy * sy,
        )

    def scaled(self, factor: float) -> Camera:
        """The same view with `factor` times the pixels a side (rounded, at least 1)."""
        return self.resized(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    def limited(self, side: int) -> Camera:
        """The same view with at most so many pixels a side; rounded down, as INRIA's loader does.

        >>> view = Camera("a", 4946, 3286, 4000, 4000, 2473, 1643, np.eye(4)).limited(1600)
        >>> view.width, view.height, round(view.fx)
        (1600, 1063, 1294)
        """
        longest = max(self.width, self.height)
        if longest <= side:
            return self
        width, height = self.width * side // longest, self.height * side // longest
        return self.resized(max(1, width), max(1, height))


def look_at(
    eye: npt.ArrayLike,  # (3,)
    target: npt.ArrayLike,  # (3,)
    up: npt.ArrayLike,  # (3,) world direction that shows upwards in the image
) -> F64:  # (4, 4)
    """`world_to_camera` of a camera at `eye` that looks at `target` with `up` upwards.

    >>> look_at([0, 0, -2], [0, 0, 0], [0, -1, 0]).round(6).tolist()[2]
    [0.0, 0.0, 1.0, 2.0]
    """
    eye, target, up = (np.asarray(a, dtype=np.float64) for a in (eye, target, up))
    z = (target - eye) / max(float(np.linalg.norm(target - eye)), 1e-12)
    x = np.cross(z, up)
    if np.linalg.norm(x) < 1e-6:  # looking along up: any right vector will do
        x = np.cross(z, np.eye(3)[int(np.argmin(np.abs(z)))])
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z])
    pose[:3, 3] = -pose[:3, :3] @ eye
    return pose


@dataclass(frozen=True)
class ViewSplit:
    """Three sets of views: what is reported, what the search measures on, what scores come from."""

    report: tuple[Camera, ...]
    search: tuple[Camera, ...]
    scoring: tuple[Camera, ...]
    note: str | None = None  # said in the report when the sets overlap


def split_views(cameras: tuple[Camera, ...], every: int = 8) -> ViewSplit:
    """Sort by name; index 0 modulo `every` is reported, `every`/2 modulo `every` searched on.

    With fewer than 2 * `every` views the step shrinks to 4, then 3; under 3 views all sets are the
    same, and the note says so.
    """
    ordered = tuple(sorted(cameras, key=lambda camera: camera.name))
    if len(ordered) < 3:
        shared = f"only {len(ordered)} views: scoring, search and report share them"
        return ViewSplit(ordered, ordered, ordered, shared)
    step = every if len(ordered) >= 2 * every else 4 if len(ordered) >= 8 else 3
    middle = step // 2
    report = tuple(c for i, c in enumerate(ordered) if i % step == 0)
    search = tuple(c for i, c in enumerate(ordered) if i % step == middle)
    scoring = tuple(c for i, c in enumerate(ordered) if i % step not in (0, middle))
    note = None if step == every else f"only {len(ordered)} views: every {step}th is reported"
    return ViewSplit(report, search, scoring, note)

# SPDX-License-Identifier: Apache-2.0
"""What COLMAP's files hold, whether binary or text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flexgs.errors import Unsupported


@dataclass(frozen=True)
class Model:
    """A camera model: where its focal lengths stand, and how many distortion numbers follow."""

    name: str
    focals: int  # 1: f, cx, cy; 2: fx, fy, cx, cy
    distortions: int
    fisheye: bool = False

    @property
    def parameters(self) -> int:
        """Numbers stored for one camera."""
        return self.focals + 2 + self.distortions


# Source: COLMAP's documentation of its camera models; the index is the id in binary files.
MODELS = (
    Model("SIMPLE_PINHOLE", 1, 0),
    Model("PINHOLE", 2, 0),
    Model("SIMPLE_RADIAL", 1, 1),
    Model("RADIAL", 1, 2),
    Model("OPENCV", 2, 4),
    Model("OPENCV_FISHEYE", 2, 4, fisheye=True),
    Model("FULL_OPENCV", 2, 8),
    Model("FOV", 2, 1, fisheye=True),
    Model("SIMPLE_RADIAL_FISHEYE", 1, 1, fisheye=True),
    Model("RADIAL_FISHEYE", 1, 2, fisheye=True),
    Model("THIN_PRISM_FISHEYE", 2, 8, fisheye=True),
)


@dataclass(frozen=True)
class Lens:
    """One entry of cameras.bin or cameras.txt."""

    model: Model
    width: int
    height: int
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Shot:
    """One entry of images.bin or images.txt; the pose takes world to camera."""

    name: str
    lens_id: int
    quat: tuple[float, ...]  # w, x, y, z
    translation: tuple[float, ...]


def unknown_model(path: Path, found: object) -> Unsupported:
    """The error for a camera model that is not in the table."""
    return Unsupported(
        "an unknown camera model",
        path=path,
        expected=", ".join(model.name for model in MODELS),
        found=found,
        hint="undistort first: colmap image_undistorter",
    )

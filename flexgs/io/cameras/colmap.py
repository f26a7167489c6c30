# SPDX-License-Identifier: Apache-2.0
"""COLMAP reconstructions: a folder with cameras and images, binary or text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flexgs.core import Camera
from flexgs.core.rotations import quats_to_matrices
from flexgs.errors import Corrupt, SceneError, UsageError
from flexgs.io.cameras import colmap_binary, colmap_text
from flexgs.io.cameras.colmap_models import Lens, Shot
from flexgs.io.cameras.values import F64, make_camera


def is_colmap(folder: Path) -> bool:
    """Whether `folder` holds a reconstruction."""
    return any(
        (folder / f"cameras{end}").is_file() and (folder / f"images{end}").is_file()
        for end in (".bin", ".txt")
    )


def read_colmap(folder: str | Path) -> tuple[Camera, ...]:
    """Cameras of a COLMAP folder (`sparse/0`), binary preferred; points are not read.

    Raises:
        UsageError: there is no reconstruction. FormatError: broken files.
        SceneError: lens distortion (undistort first), or a camera that cannot be used.
    """
    folder = Path(folder)
    if (folder / "images.bin").is_file() and (folder / "cameras.bin").is_file():
        source = folder / "images.bin"
        lenses = colmap_binary.read_lenses(folder / "cameras.bin")
        shots = colmap_binary.read_shots(source)
    elif is_colmap(folder):
        source = folder / "images.txt"
        lenses = colmap_text.read_lenses(folder / "cameras.txt")
        shots = colmap_text.read_shots(source)
    else:
        raise UsageError(
            "no COLMAP reconstruction", path=folder, expected="cameras.bin and images.bin (or .txt)"
        )
    return tuple(_camera(shot, lenses, source) for shot in shots)


def _camera(shot: Shot, lenses: dict[int, Lens], path: Path) -> Camera:
    if shot.lens_id not in lenses:
        raise Corrupt("an image names a camera that is not there", path=path, found=shot.lens_id)
    lens = lenses[shot.lens_id]
    intrinsics = _intrinsics(lens, path, shot.name)
    return make_camera(path, shot.name, (lens.width, lens.height), intrinsics, _pose(shot, path))


def _intrinsics(lens: Lens, path: Path, name: str) -> tuple[float, float, float, float]:
    model, numbers = lens.model, lens.numbers
    if model.fisheye or any(numbers[model.focals + 2 :]):
        raise SceneError(
            "the photographs are distorted by their lens",
            path=path,
            section=name,
            expected="PINHOLE or SIMPLE_PINHOLE",
            found=model.name,
            hint="undistort first: colmap image_undistorter",
        )
    fx, fy = numbers[0], numbers[model.focals - 1]
    cx, cy = numbers[model.focals : model.focals + 2]
    return fx, fy, cx, cy


def _pose(shot: Shot, path: Path) -> F64:  # (4, 4)
    quat = np.array([shot.quat], np.float64)
    norm = float(np.abs(quat).max()) if np.isfinite(quat).all() else 0.0
    if not 1e-6 < norm < 1e6:
        raise Corrupt("an image has no rotation", path=path, section=shot.name, found=shot.quat)
    pose = np.eye(4)
    pose[:3, :3] = quats_to_matrices(quat)[0]
    pose[:3, 3] = shot.translation
    return pose

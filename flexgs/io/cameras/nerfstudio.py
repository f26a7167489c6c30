# SPDX-License-Identifier: Apache-2.0
"""transforms.json of nerfstudio, instant-ngp and the NeRF synthetic scenes."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath

import numpy as np

from flexgs.core import Camera
from flexgs.errors import Corrupt, SceneError, TooLarge
from flexgs.io.cameras.photos import PhotoFolder, fit_to_photo
from flexgs.io.cameras.values import F64, Fields, make_camera, pose_from_camera_to_world, read_json
from flexgs.io.images import image_size
from flexgs.limits import MAX_CAMERAS

_DISTORTIONS = ("k1", "k2", "k3", "k4", "p1", "p2")
_FLIP_YZ = np.array([1.0, -1.0, -1.0])  # OpenGL's camera looks along -z with y up


def read_nerfstudio(path: str | Path) -> tuple[tuple[Camera, ...], tuple[str, ...]]:
    """Cameras of a transforms.json, and what the reader should know about them.

    Names are those of `file_path`; the photographs there, if any, are attached (and tell the sizes
    that the file does not state).

    Raises:
        UsageError: the file cannot be read. FormatError: it is no such file.
        SceneError: lens distortion, no size, or a camera that cannot be used.
    """
    common = Fields(read_json(path), path, "transforms")
    frames = common.table.get("frames")
    if not isinstance(frames, list):
        raise Corrupt("no frames", path=path, section="frames", expected="a list", found=None)
    if len(frames) > MAX_CAMERAS:
        raise TooLarge("too many cameras", path=path, expected=MAX_CAMERAS, found=len(frames))
    photos = PhotoFolder(Path(path).parent)
    cameras = tuple(_camera(common, frame, i, photos) for i, frame in enumerate(frames))
    notes: tuple[str, ...] = ()
    if "applied_transform" in common:
        notes = ("transforms.json was moved by its applied_transform; poses are used as they are",)
    return cameras, notes


def _camera(common: Fields, frame: object, index: int, photos: PhotoFolder) -> Camera:
    own = Fields(frame, common.path, f"frame {index}")
    fields = Fields({**common.table, **own.table}, common.path, own.section)
    _refuse_distortion(fields)
    name = PurePosixPath(fields.text("file_path").replace("\\", "/")).as_posix()
    try:
        photo = photos.find(name)
    except Corrupt:
        fields.fail("file_path leads out of its folder", found=repr(name)[:80])
    if "w" in fields and "h" in fields:
        size = fields.integer("w"), fields.integer("h")
    elif photo is not None:
        size = image_size(photo)
    else:
        raise SceneError(
            f"frame {name!r} has no size and no photograph",
            path=common.path,
            section=own.section,
            expected="w and h",
        )
    fx, fy = _focals(fields, size)
    cx, cy = fields.number("cx", size[0] / 2), fields.number("cy", size[1] / 2)
    pose = _pose(fields.matrix("transform_matrix", 4, 4))
    camera = make_camera(common.path, name, size, (fx, fy, cx, cy), pose)
    return camera if photo is None else fit_to_photo(camera, photo)


def _refuse_distortion(fields: Fields) -> None:
    model = fields.table.get("camera_model", "OPENCV")
    bent = [name for name in _DISTORTIONS if fields.number(name, 0.0) != 0]
    if bent or model not in ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE"):
        raise SceneError(
            "the photographs are distorted by their lens",
            path=fields.path,
            section=fields.section,
            expected="k1 = k2 = p1 = p2 = 0",
            found=", ".join(bent) or repr(model)[:40],
            hint="undistort first (ns-process-data, colmap image_undistorter)",
        )


def _focals(fields: Fields, size: tuple[int, int]) -> tuple[float, float]:
    """fl_x, fl_y, or from the angles of view."""
    focal = {}
    for axis, side in (("x", size[0]), ("y", size[1])):
        if f"fl_{axis}" in fields:
            focal[axis] = fields.number(f"fl_{axis}")
        elif f"camera_angle_{axis}" in fields:
            angle = fields.number(f"camera_angle_{axis}")
            if not 0 < angle < math.pi:
                fields.fail(f"camera_angle_{axis} is no angle of view", found=angle)
            focal[axis] = side / 2 / math.tan(angle / 2)
    if not focal:
        fields.fail("no focal length", expected="fl_x or camera_angle_x")
    only = next(iter(focal.values()))
    return focal.get("x", only), focal.get("y", only)


def _pose(camera_to_world: F64) -> F64:  # (4, 4) OpenGL -> (4, 4) world to camera, OpenCV
    return pose_from_camera_to_world(camera_to_world[:3, :3] * _FLIP_YZ, camera_to_world[:3, 3])

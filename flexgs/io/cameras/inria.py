# SPDX-License-Identifier: Apache-2.0
"""cameras.json, as INRIA's trainer writes it beside every model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from flexgs.core import Camera
from flexgs.errors import Corrupt, TooLarge
from flexgs.io.cameras.values import Fields, make_camera, pose_from_camera_to_world, read_json
from flexgs.io.files import atomic_write
from flexgs.limits import MAX_CAMERAS


def read_inria(path: str | Path) -> tuple[Camera, ...]:
    """Cameras of a cameras.json: `rotation` holds the camera's axes as columns, `position` its
    place; the principal point is the middle of the image unless cx, cy are given.

    Raises:
        UsageError: the file cannot be read. FormatError: it is no such file.
        SceneError: a camera cannot be used.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise Corrupt(
            "not INRIA's cameras.json", path=path, expected="a list", found=type(entries).__name__
        )
    if len(entries) > MAX_CAMERAS:
        raise TooLarge("too many cameras", path=path, expected=MAX_CAMERAS, found=len(entries))
    return tuple(_camera(entry, path, i) for i, entry in enumerate(entries))


def _camera(entry: object, path: str | Path, index: int) -> Camera:
    fields = Fields(entry, path, f"camera {index}")
    width, height = fields.integer("width"), fields.integer("height")
    fx, fy = fields.number("fx"), fields.number("fy")
    cx, cy = fields.number("cx", width / 2), fields.number("cy", height / 2)
    pose = pose_from_camera_to_world(fields.matrix("rotation", 3, 3), fields.vector("position", 3))
    return make_camera(path, fields.text("img_name"), (width, height), (fx, fy, cx, cy), pose)


def write_inria(path: str | Path, cameras: Sequence[Camera]) -> None:
    """Writes a cameras.json that `read_inria` reads back, with the principal point, too.

    Raises:
        FlexgsError: the system refused a write; what was there is untouched.
    """
    entries = [
        {
            "id": index,
            "img_name": camera.name,
            "width": camera.width,
            "height": camera.height,
            "position": camera.center.tolist(),
            "rotation": camera.world_to_camera[:3, :3].T.tolist(),
            "fx": camera.fx,
            "fy": camera.fy,
            "cx": camera.cx,
            "cy": camera.cy,
        }
        for index, camera in enumerate(cameras)
    ]
    with atomic_write(path) as file:
        file.write(json.dumps(entries, allow_nan=False).encode("ascii"))

# SPDX-License-Identifier: Apache-2.0
"""Cameras and photographs of a scene: named by the user, or found beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from flexgs.core import Camera
from flexgs.errors import SceneError, UsageError
from flexgs.io.cameras.colmap import is_colmap, read_colmap
from flexgs.io.cameras.find import cameras_in, find_cameras, find_images
from flexgs.io.cameras.inria import read_inria
from flexgs.io.cameras.nerfstudio import read_nerfstudio
from flexgs.io.cameras.photos import attach_photos
from flexgs.io.cameras.values import read_json


@dataclass(frozen=True)
class CameraSet:
    """Cameras, where they came from, and what a report should say about them.

    `cameras` is empty when none were named and none were found; the caller then invents some.
    """

    cameras: tuple[Camera, ...]
    source: str  # "cameras.json", "sparse/0", "transforms.json" or "none found"
    photographs: int = 0  # cameras with an `image_path`
    notes: tuple[str, ...] = ()


def read_cameras(path: str | Path) -> tuple[tuple[Camera, ...], tuple[str, ...]]:
    """Cameras of a cameras.json, a transforms.json or a COLMAP folder, and notes.

    A folder may also be a data set or a model that holds one of them.

    Raises:
        UsageError: nothing there. FormatError: broken. SceneError: unusable cameras.
    """
    path = Path(path)
    if path.is_dir():
        inside = path if is_colmap(path) else cameras_in(path)  # a named reconstruction wins
        if inside is None:
            raise UsageError(
                "no cameras in this folder",
                path=path,
                expected="cameras.json, transforms.json or COLMAP's sparse/0",
            )
        if inside.is_dir():
            return read_colmap(inside), ()
        path = inside
    if path.name in ("cameras.bin", "images.bin", "cameras.txt", "images.txt"):
        return read_colmap(path.parent), ()
    if isinstance(read_json(path), dict):
        return read_nerfstudio(path)
    return read_inria(path), ()


def _source_name(path: Path) -> str:
    """A name for reports, without the folders of this machine."""
    in_sparse = path.parent.name == "sparse"
    return f"sparse/{path.name}" if in_sparse else path.name


def load_cameras(
    cameras: str | Path | None, images: str | Path | None, scene: str | Path
) -> CameraSet:
    """The cameras of a scene, fitted to their photographs where there are any.

    `cameras` and `images` override what is found in the folder layouts of INRIA and COLMAP.

    Raises:
        UsageError: a named file or folder is not there; `images` without any cameras.
        FormatError: broken files.
        SceneError: cameras that cannot be used, photographs of another shape, or named `images`
            that hold none of the photographs.
    """
    path = find_cameras(scene) if cameras is None else Path(cameras)
    if path is None:
        if images is not None:
            raise UsageError("photographs without cameras", path=images, hint="name --cameras too")
        return CameraSet((), "none found")
    found, notes = read_cameras(path)
    if not found:
        raise SceneError("there is no camera in it", path=path)
    folder = None if images is None else Path(images)
    if folder is None and not any(camera.image_path for camera in found):
        folder = find_images(scene, path, found)
    if folder is not None:
        found = attach_photos(found, folder)
    found, more = make_distinct(found)
    notes = (*notes, *more)
    count = sum(camera.image_path is not None for camera in found)
    if images is not None and count == 0:
        raise SceneError(
            "none of the cameras has its photograph there",
            path=images,
            expected=f"{found[0].name} and {len(found) - 1} others",
        )
    if 0 < count < len(found):
        notes = (*notes, f"{len(found) - count} of {len(found)} cameras have no photograph")
    return CameraSet(found, _source_name(path), count, notes)


def make_distinct(cameras: tuple[Camera, ...]) -> tuple[tuple[Camera, ...], tuple[str, ...]]:
    """Cameras of different names and photographs, and notes on what was done about the others.

    Everything behind knows views by their names. A camera that stands twice is kept once. Others
    of one name (several captures, each with its own 0001.jpg) are numbered; which of them a shared
    photograph shows is unknown: none gets it.
    """
    kept = tuple({_identity(camera): camera for camera in cameras}.values())
    photos = Counter(camera.image_path for camera in kept)
    shared = sum(count for path, count in photos.items() if path is not None and count > 1)
    taken = {camera.name for camera in kept}
    seen: set[str] = set()
    distinct, renamed = [], 0
    for camera in kept:
        name = camera.name
        number = 2
        while name in seen or (name != camera.name and name in taken):
            name, number = f"{camera.name} ({number})", number + 1
        seen.add(name)
        renamed += name != camera.name
        path = camera.image_path if photos[camera.image_path] == 1 else None
        distinct.append(replace(camera, name=name, image_path=path))
    counts = (
        (len(cameras) - len(kept), "cameras stood twice"),
        (renamed, "cameras had the name of another and were numbered"),
        (shared, "cameras share photographs, which are not used"),
    )
    return tuple(distinct), tuple(f"{count} {what}" for count, what in counts if count)


def _identity(camera: Camera) -> tuple[object, ...]:
    pose = camera.world_to_camera.tobytes()
    size = (camera.width, camera.height)
    return (camera.name, *size, camera.fx, camera.fy, camera.cx, camera.cy, pose, camera.image_path)

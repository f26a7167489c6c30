# SPDX-License-Identifier: Apache-2.0
"""Cameras that could be mistaken for each other: everything behind knows views by their names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from flexgs.core import Camera


def make_distinct(cameras: tuple[Camera, ...]) -> tuple[tuple[Camera, ...], tuple[str, ...]]:
    """Cameras of different names and photographs, and notes on what was done about the others.

    A camera that stands twice is kept once. Others of one name (several captures, each with its
    own 0001.jpg) are numbered; which of them a shared photograph shows is unknown: none gets it.
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

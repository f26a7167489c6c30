# SPDX-License-Identifier: Apache-2.0
"""What a scene is before any work: a digest of all that a compression reads, its views, its need.

The digest goes by content: moved files, new dates and other folders do not change it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flexgs import __version__
from flexgs.batch.inputs.settings import options_to_plain
from flexgs.batch.model import BatchScene, SceneFacts, Setting
from flexgs.core import Camera, split_views
from flexgs.errors import UsageError
from flexgs.io import CameraSet, load_cameras
from flexgs.pipeline.views import PHOTO_CACHE_BYTES, limit_side
from flexgs.scenes import scene_bytes

COMPUTES = ("numpy", "numba", "gsplat", "torch")  # other versions may round elsewhere
# Memory of a job, from bonsai (69 MB, 292 photographs of 779x519: 0.9 to 1.3 GB by setting,
# docs/benchmarks.md) with a margin. Once a job of the scene has run, what it took counts.
BASE_BYTES = 400_000_000  # interpreter, libraries, compiled kernels
WORKING_COPIES = 12  # of the scene as a .ply
EXPANSION = {".ply": 1}  # of other formats against a .ply
OTHER_EXPANSION = 12


def look_at_scene(scene: BatchScene, setting: Setting) -> SceneFacts:
    """Reads all that compressing `scene` at `setting` would read, but decodes nothing.

    Raises:
        UsageError, FormatError, SceneError: the scene or its cameras cannot be read.
    """
    size = scene_bytes(scene.path)
    found, notes = _views(scene, setting)
    return SceneFacts(
        digest=_digest(scene.path, found.cameras),
        size_bytes=size,
        cameras=found.source,
        views=len(found.cameras),
        report_views=len(split_views(found.cameras).report),
        photographs=found.photographs,
        size=(found.cameras[0].width, found.cameras[0].height) if found.cameras else None,
        memory_bytes=scene.memory_bytes or _estimate(scene.path, size, found.cameras),
        notes=(*scene.notes, *notes),
    )


def job_key(facts: SceneFacts, setting: Setting) -> str:
    """What a result depends on, as a SHA-256: content, setting and versions, no names or places."""
    plain = {
        "scene": facts.digest,
        "options": options_to_plain(setting.options),
        "versions": versions_that_matter(),
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def versions_that_matter() -> dict[str, str]:
    """Of flexgs and of what it computes with."""
    found = {"flexgs": __version__}
    for package in COMPUTES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
            return digest.hexdigest()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error


def files_hold(folder: Path, files: Mapping[str, str]) -> bool:
    """Whether files below a folder are there and have these SHA-256s."""
    try:
        return bool(files) and all(file_digest(folder / name) == s for name, s in files.items())
    except UsageError:
        return False


def _views(scene: BatchScene, setting: Setting) -> tuple[CameraSet, tuple[str, ...]]:
    """The views that the pipeline will find (`flexgs.pipeline.views.find_views`)."""
    options = setting.options
    cameras = "none" if options.cameras == "none" else scene.cameras
    images = "none" if options.images == "none" else scene.images
    if cameras == "none":
        return CameraSet((), "invented from the Gaussians"), ()
    found = load_cameras(cameras, None if images == "none" else images, scene.path)
    if not found.cameras:
        return CameraSet((), "invented from the Gaussians"), ()
    kept = found.cameras
    if images == "none":
        kept = tuple(replace(camera, image_path=None) for camera in kept)
    elif found.photographs:
        kept = tuple(camera for camera in kept if camera.image_path is not None)
    kept, notes = limit_side(kept, options.max_side)
    count = 0 if images == "none" else found.photographs
    return CameraSet(kept, found.source, count), (*found.notes, *notes)


def _digest(scene: Path, cameras: Iterable[Camera]) -> str:
    digest = hashlib.sha256()
    for part in _parts(scene):  # a lone file by its suffix, which may say its format
        name = scene.suffix.lower() if part == scene else part.relative_to(scene.parent).as_posix()
        digest.update(f"{name}\0{file_digest(part)}\0".encode())
    for camera in sorted(cameras, key=lambda each: each.name):
        numbers = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)
        digest.update(camera.name.encode() + b"\0" + struct.pack("<6d", *numbers))
        digest.update(camera.world_to_camera.astype("<f8").tobytes())
        if camera.image_path is not None:
            digest.update(file_digest(camera.image_path).encode())
    return digest.hexdigest()


def _parts(scene: Path) -> list[Path]:
    """The files of a scene: itself, all of a folder, or a JSON with the pictures below it."""
    if scene.is_dir():
        return sorted(each for each in scene.rglob("*") if each.is_file())
    if scene.suffix.lower() in (".json", ".gltf"):
        return [scene, *sorted(p for p in scene.parent.rglob("*") if p.suffix in (".webp", ".bin"))]
    return [scene]


def _estimate(scene: Path, size_bytes: int, cameras: tuple[Camera, ...]) -> int:
    plain = size_bytes * EXPANSION.get(scene.suffix.lower(), OTHER_EXPANSION)
    if scene.name.lower().endswith(".compressed.ply"):
        plain = size_bytes * OTHER_EXPANSION
    pixels = sum(camera.width * camera.height for camera in cameras)
    return BASE_BYTES + WORKING_COPIES * plain + min(PHOTO_CACHE_BYTES, 3 * pixels)

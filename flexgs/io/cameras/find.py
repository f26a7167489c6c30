# SPDX-License-Identifier: Apache-2.0
"""Where the cameras and photographs of a scene file lie, in the folder layouts of the trainers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from flexgs.core import Camera
from flexgs.errors import FlexgsError
from flexgs.io.cameras.colmap import is_colmap
from flexgs.io.cameras.photos import PhotoFolder
from flexgs.io.files import read_limited
from flexgs.io.images import image_size

_MAX_CFG_BYTES = 64 * 1024
# key='value' of INRIA's cfg_args: Namespace(data_device='cuda', ...). Read, never evaluated.
_CFG_STRING = re.compile(r"\b(source_path|images)=(?:'([^'\\\0]*)'|\"([^\"\\\0]*)\")")
_TRANSFORMS = ("transforms.json", "transforms_train.json")
_IMAGE_FOLDERS = ("images", "images_2", "images_4", "images_8")


def read_cfg_args(path: Path) -> dict[str, str]:
    """`source_path` and `images` of INRIA's cfg_args; empty when there is no such file."""
    try:
        text = read_limited(path, _MAX_CFG_BYTES).decode("utf-8", errors="replace")
    except FlexgsError:  # the file is a mere hint
        return {}
    return {match[1]: match[2] or match[3] or "" for match in _CFG_STRING.finditer(text)}


def _model_folder(scene: Path) -> Path:
    """`<model>` of `<model>/point_cloud/iteration_N/point_cloud.ply`, else the scene's folder."""
    folder = scene.resolve().parent
    in_layout = folder.name.startswith("iteration_") and folder.parent.name == "point_cloud"
    return folder.parent.parent if in_layout else folder


def _source_folder(model: Path, cfg: dict[str, str]) -> Path | None:
    """The data set that cfg_args names, when it is on this machine."""
    if not cfg.get("source_path"):
        return None
    try:
        source = Path(model, cfg["source_path"])
        return source if source.is_dir() else None
    except OSError:
        return None


def cameras_in(folder: Path) -> Path | None:
    """The best description of cameras in a data set's or model's folder."""
    candidates = [folder / "cameras.json", *(folder / name for name in _TRANSFORMS)]
    found = next((path for path in candidates if path.is_file()), None)
    if found is not None:
        return found
    reconstructions = (folder / "sparse" / "0", folder / "sparse", folder / "0", folder)
    return next((path for path in reconstructions if is_colmap(path)), None)


def find_cameras(scene: str | Path) -> Path | None:
    """cameras.json, transforms.json or a COLMAP folder that belongs to a scene file, or None.

    Looked for in the model's folder, then in the data set that its cfg_args names.
    """
    model = _model_folder(Path(scene))
    found = cameras_in(model)
    if found is not None:
        return found
    source = _source_folder(model, read_cfg_args(model / "cfg_args"))
    return None if source is None else cameras_in(source)


def _image_folders(scene: Path, cameras: Path) -> Iterator[Path]:
    model = _model_folder(scene)
    cfg = read_cfg_args(model / "cfg_args")
    source = _source_folder(model, cfg)
    near = cameras.resolve() if cameras.is_dir() else cameras.resolve().parent
    above = [near.parent.parent] if near.parent.name == "sparse" else []
    for root in dict.fromkeys([*([source] if source else []), model, near, *above]):
        for name in dict.fromkeys([cfg.get("images") or "images", *_IMAGE_FOLDERS]):
            yield root / Path(name).name


def find_images(
    scene: str | Path, cameras_path: str | Path, cameras: tuple[Camera, ...]
) -> Path | None:
    """The folder of photographs that belongs to a scene and its cameras, or None.

    Among several the one whose photographs have the cameras' size wins (images, images_4...).
    """
    if not cameras:
        return None
    probe = cameras[0]
    best = None
    for folder in _image_folders(Path(scene), Path(cameras_path)):
        try:
            photo = PhotoFolder(folder).find(probe.name) if folder.is_dir() else None
            if photo is None:
                continue
            if image_size(photo) == (probe.width, probe.height):
                return folder
        except FlexgsError:  # a folder that cannot be used is not the one
            continue
        best = best or folder
    return best

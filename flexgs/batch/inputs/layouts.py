# SPDX-License-Identifier: Apache-2.0
"""Scenes in folders: globs, the layout of INRIA's pre-trained models, and their data sets.

A model is `<scene>/point_cloud/iteration_N/point_cloud.ply` with `cameras.json` and `cfg_args`; its
data set is `<data>/<scene>/images[_2|_4]` and `sparse/0`. Resolutions of the field: Mip-NeRF 360's
indoor scenes are judged on images_2, its outdoor scenes on images_4, Tanks & Temples and Deep
Blending on images; larger ones are scaled down to 1600 pixels a side; every 8th view is for tests.

Source: Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", 2023
(full_eval.py of its code says which scene is trained on which images).
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from flexgs.batch.model import BatchScene
from flexgs.errors import FlexgsError, UsageError
from flexgs.io.cameras.find import cameras_in, find_cameras, read_cfg_args
from flexgs.io.formats.table import format_of_name

INDOOR = ("bonsai", "counter", "kitchen", "room")  # Mip-NeRF 360
OUTDOOR = ("bicycle", "flowers", "garden", "stump", "treehill")
FULL_SIZE = ("train", "truck", "drjohnson", "playroom")  # Tanks & Temples, Deep Blending
IMAGES_OF = (
    dict.fromkeys(INDOOR, "images_2")
    | dict.fromkeys(OUTDOOR, "images_4")
    | dict.fromkeys(FULL_SIZE, "images")
)
MAX_MATCHES = 100_000
_ITERATION = re.compile(r"iteration_(\d{1,9})")
_FOLDER = re.compile(r"\w[\w.-]{0,99}")  # that cfg_args may name: never a path
_PLAIN_STEMS = ("point_cloud", "scene", "splat", "model", "meta")  # say nothing: the folder does


def find_scenes(patterns: Sequence[str], data: Sequence[Path] = ()) -> tuple[BatchScene, ...]:
    """The scenes that files, folders and globs name, in the order of the patterns, sorted in each.

    A folder is a model of INRIA's layout or holds one scene file, or it holds such folders, or else
    several scene files.

    Args:
        data: folders of data sets, by scene name.

    Raises:
        UsageError: a pattern matches nothing or no scene, a data folder is missing, or two scenes
            would have the same name.
    """
    for folder in data:
        if not folder.is_dir():
            raise UsageError("no such folder of data sets", path=folder)
    paths: dict[Path, None] = {}
    for pattern in patterns:
        paths |= dict.fromkeys(_expand(pattern))
    scenes = tuple(with_data(BatchScene(scene_name(path), path), data) for path in paths)
    ensure_distinct(scenes)
    return scenes


def ensure_distinct(scenes: Iterable[BatchScene]) -> None:
    """Raises UsageError where two scenes have one name; case does not make a difference."""
    seen: dict[str, Path] = {}
    for scene in scenes:
        other = seen.setdefault(scene.name.lower(), scene.path)
        if other != scene.path:
            raise UsageError(
                f"two scenes are called {scene.name!r}: {other} and {scene.path}",
                hint="name them in a manifest (docs/batch.md), or run two batches",
            )


def scene_name(path: Path) -> str:
    """The name of the model's folder, or of the file where that says more.

    >>> scene_name(Path("m360/bonsai/point_cloud/iteration_30000/point_cloud.ply"))
    'bonsai'
    >>> scene_name(Path("a/room.compressed.ply")), scene_name(Path("a b/scene.ply"))
    ('room', 'a_b')
    """
    model = _model_of(path)
    stem = path.name.split(".")[0]
    folder = (model or Path(os.path.abspath(path)).parent).name
    name = folder if model is not None or stem.lower() in _PLAIN_STEMS else stem
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name).strip("._+-")[:100] or "scene"


def with_data(scene: BatchScene, data: Sequence[Path]) -> BatchScene:
    """The scene with cameras and photographs of its data set, where one of `data` holds it.

    The cameras beside the model come first: they are those that it was trained with.
    """
    found = next((folder / scene.name for folder in data if (folder / scene.name).is_dir()), None)
    if found is None:
        note = "its data set is in none of the --data folders"
        return replace(scene, notes=(*scene.notes, note)) if data else scene
    cameras, images, notes = scene.cameras, scene.images, scene.notes
    if cameras is None and find_cameras(scene.path) is None:
        cameras = cameras_in(found)
    if images is None:
        images, note = _choose_images(scene.name, found, _model_of(scene.path))
        notes = (*notes, note)
    return replace(scene, cameras=cameras, images=images, notes=notes)


def _choose_images(name: str, data: Path, model: Path | None) -> tuple[Path | None, str]:
    """The folder of photographs that the field judges a scene on, and a word on why."""
    wanted = IMAGES_OF.get(name.lower())
    kind = "indoor" if name.lower() in INDOOR else "outdoor" if name.lower() in OUTDOOR else ""
    why = f"{kind} scene of Mip-NeRF 360" if kind else "Tanks & Temples, Deep Blending"
    if wanted is None and model is not None:
        trained_on = read_cfg_args(model / "cfg_args").get("images", "")
        wanted = trained_on if _FOLDER.fullmatch(trained_on) else None
        why = "as cfg_args says"
    if wanted is not None and (data / wanted).is_dir():
        return data / wanted, f"photographs of {wanted} ({why})"
    if (data / "images").is_dir():
        instead = "" if wanted in (None, "images") else f"; the field takes {wanted}, not there"
        return data / "images", f"photographs of images{instead}"
    return None, "its data set has no folder of photographs"


def _expand(pattern: str) -> list[Path]:
    """Scene files of one pattern, sorted."""
    try:
        exact = Path(pattern).exists()
        names = [pattern] if exact else sorted(glob.glob(pattern, recursive=True))[:MAX_MATCHES]
    except (OSError, ValueError, re.error) as error:
        raise UsageError(f"not a usable pattern: {error}", found=repr(pattern[:200])) from error
    if not names:
        raise UsageError("nothing has such a name", found=pattern)
    scenes = [scene for name in names for scene in _scenes_at(Path(name))]
    if not scenes:
        raise UsageError(
            "no scene is there",
            found=pattern,
            expected="scene files, or folders with point_cloud/iteration_N/point_cloud.ply",
        )
    return scenes


def _scenes_at(path: Path) -> list[Path]:
    """Scene files that a file or folder stands for."""
    if path.is_file():
        return [path] if _is_scene_name(path) else []
    own = _scene_of_folder(path)
    if own is not None:
        return [own]
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        raise UsageError(f"cannot be listed: {error.strerror}", path=path) from error
    inside = (_scene_of_folder(each) for each in entries if each.is_dir())
    models = [scene for scene in inside if scene is not None]
    return models or [each for each in entries if each.is_file() and _is_scene_name(each)]


def _scene_of_folder(folder: Path) -> Path | None:
    """The last iteration of a model, or the one scene file in a folder."""
    found = []
    try:
        for each in (folder / "point_cloud").glob("iteration_*/point_cloud.ply"):
            match = _ITERATION.fullmatch(each.parent.name)
            if match and each.is_file():
                found.append((int(match[1]), each))
        files = [each for each in folder.iterdir() if each.is_file() and _is_scene_name(each)]
    except OSError:  # not ours to read: a folder like any other without a scene
        return None
    if found:
        return max(found)[1]
    named = [each for each in files if each.stem.lower() in ("point_cloud", "scene")]
    best = named or files
    return best[0] if len(best) == 1 else None


def _is_scene_name(path: Path) -> bool:
    try:
        return format_of_name(path).name != "fgs" and path.suffix.lower() != ".json"
    except FlexgsError:
        return False


def _model_of(path: Path) -> Path | None:
    """`<model>` of `<model>/point_cloud/iteration_N/point_cloud.ply`."""
    folder = Path(os.path.abspath(path)).parent  # links keep the names they were given
    in_layout = _ITERATION.fullmatch(folder.name) and folder.parent.name == "point_cloud"
    return folder.parent.parent if in_layout else None

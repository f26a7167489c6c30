# SPDX-License-Identifier: Apache-2.0
"""A scene in levels of detail: a streamed SOG, of which viewers load what they need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from flexgs.core import Splats
from flexgs.errors import SceneError, UsageError
from flexgs.importance.sums import F64, sum_over_views
from flexgs.io.files import ensure_output, write_folder
from flexgs.io.formats.fit import fit_scene
from flexgs.io.formats.sog import PRECISIONS
from flexgs.io.formats.sog.levels import write_levels
from flexgs.io.formats.sog.streamed import LOD_META
from flexgs.io.formats.table import find_format, scene_formats
from flexgs.pipeline.views import find_views, thin_views
from flexgs.progress import SILENT, Progress
from flexgs.render import get_renderer
from flexgs.scenes import Conversion, open_scene, scene_bytes

SHARES = (0.5, 0.25, 0.1)
MOST_VIEWS = 50  # that a level is scored by
_PART = re.compile(r"\d+_\d+|env")


def convert_to_levels(
    path: str | Path,
    output: str | Path,
    shares: Sequence[float] = SHARES,
    *,
    force: bool = False,
    variant: str | None = None,
    plain: bool = False,
    drop_invalid: bool = False,
    level: int = 0,
    frame: str | None = None,
    progress: Progress = SILENT,
) -> Conversion:
    """Writes a scene as a folder of SOG files: all of it, and levels with its most important part.

    Importance is removal error over views, those beside the scene or invented ones, of what the
    level before holds: as many Gaussians as a level keeps stay unchanged, the others are left out.

    Args:
        output: FOLDER/lod-meta.json; the folder appears as a whole.
        shares: of the Gaussians, one a level after the finest; descending, within 0 and 1.
        variant: precision of the SOG files; None for the finest.
        plain, drop_invalid, level, frame: see `convert`.

    Raises:
        UsageError: the shares, or an output that cannot be written or holds other things.
        FormatError, SceneError: see `open_scene`.
    """
    if not all(0 < b < a for a, b in zip((1.0, *shares), shares, strict=False)):
        raise UsageError(
            "levels of detail must get coarser",
            expected="shares between 1 and 0, descending",
            found=", ".join(f"{share:g}" for share in shares),
        )
    sog = scene_formats.get("sog")
    if variant is not None and variant not in sog.encoders:
        raise UsageError("no such precision", expected=" | ".join(sog.encoders), found=variant)
    folder = _ensure_folder(output, force, path)
    file = open_scene(path, drop_invalid=drop_invalid, level=level, frame=frame)
    splats, losses = fit_scene(file.splats, sog, plain)
    if splats.n == 0:
        raise SceneError("the scene holds no Gaussians: there is nothing to stream", path=path)
    levels, weights = _levels(path, splats, shares, progress)
    with progress.stage("write"):
        files, lost = write_levels(levels, weights, PRECISIONS[int(variant or 0)])
        write_folder(folder, files)
    notes = (f"level {i}: {each.n:,} Gaussians" for i, each in enumerate(levels))
    return Conversion(
        source_format=find_format(path).name,
        source_bytes=scene_bytes(path),
        output_format="sog",
        output_bytes=sum(len(data) for data in files.values()),
        gaussians=splats.n,
        sh_degree=splats.degree,
        notes=(*file.notes, *notes),
        losses=(*losses, *lost),
    )


def _levels(
    path: str | Path, splats: Splats, shares: Sequence[float], progress: Progress
) -> tuple[list[Splats], list[F64]]:
    """The scene and its coarser levels, each with removal errors."""
    renderer = get_renderer("auto")
    found = find_views(path, splats, renderer, None, "none", progress)
    views = thin_views(found.split.scoring, MOST_VIEWS)
    levels, weights = [splats], list[F64]()
    with progress.stage("levels of detail", total=(len(shares) + 1) * len(views)) as advance:
        for share in (*shares, None):
            scores = sum_over_views(levels[-1], views, renderer, "removal", None, advance)
            weights.append(scores)
            if share is not None:
                count = max(1, round(share * splats.n))
                kept = np.argsort(-scores, kind="stable")[:count]
                levels.append(levels[-1].select(np.sort(kept)))
    return levels, weights


def _ensure_folder(output: str | Path, force: bool, source: str | Path) -> Path:
    """The folder to write, checked before any work.

    Raises:
        UsageError: it is the current one, cannot be written, or exists: without `force`, or with
            other things in it than a streamed SOG.
    """
    folder = Path(output).parent
    if not folder.name or folder.name == "..":
        raise UsageError(
            "a streamed SOG needs a folder of its own", path=output, expected="FOLDER/lod-meta.json"
        )
    if not folder.exists():
        ensure_output(folder, force, [source])
        return folder
    if not folder.is_dir():
        raise UsageError("the output's folder is a file", path=folder)
    inside = [each.name for each in folder.iterdir()]
    others = [name for name in inside if name != LOD_META and not _PART.fullmatch(name)]
    if others:
        raise UsageError(
            "the folder holds other things, which would be lost",
            path=folder,
            found=sorted(others)[0],
        )
    if inside and not force:
        raise UsageError("the output exists", path=folder, hint="--force replaces it")
    if Path(source).resolve().is_relative_to(folder.resolve()):
        raise UsageError("the output is the input", path=output, hint="choose another folder")
    ensure_output(folder.parent / f"{folder.name}.new", force)  # whether its parent is writable
    return folder

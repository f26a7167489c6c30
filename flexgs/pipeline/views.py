# SPDX-License-Identifier: Apache-2.0
"""The views a scene is judged from: given, found, or invented."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats, ViewSplit, split_views
from flexgs.importance.sums import F32
from flexgs.io import load_cameras
from flexgs.options import DEFAULT_REFERENCE_PSNR
from flexgs.progress import Progress
from flexgs.quality import REFERENCE_MARGIN_DB, read_photograph
from flexgs.render import Renderer

NO_PHOTOGRAPHS = "without photographs every drop is an ESTIMATE from renders"
MAX_SCORING_VIEWS = 250  # more views are thinned evenly; every one costs a render a round
PHOTO_CACHE_BYTES = 1 << 30  # photographs kept in memory, as bytes


@dataclass(frozen=True)
class Views:
    """Views in three sets, with or without photographs."""

    split: ViewSplit
    photographs: bool  # every view has one
    invented: bool
    source: str  # for reports
    notes: tuple[str, ...] = ()

    def reference_psnr(self, given: float | None) -> float:
        """The original's own PSNR that estimates assume, in dB: as given, else the usual one, with
        a margin where the search goes by the estimate.

        >>> round(Views(split_views(()), False, True, "invented").reference_psnr(None), 2)
        29.18
        """
        margin = 0.0 if self.photographs else REFERENCE_MARGIN_DB
        return DEFAULT_REFERENCE_PSNR + margin if given is None else given


def find_views(
    scene: str | Path | None,
    splats: Splats,
    renderer: Renderer,
    cameras: Path | Literal["none"] | None,
    images: Path | Literal["none"] | None,
    progress: Progress,
    max_side: int | None = None,
) -> Views:
    """Given cameras, those found beside the scene, or invented ones.

    Where only some views have a photograph, the others are left out. Given and found ones have at
    most `max_side` pixels a side.

    Raises:
        UsageError, FormatError, SceneError: see `load_cameras` and `invent_cameras`.
    """
    given = given_views(scene, cameras, images, max_side)
    if given is not None:
        return given
    from flexgs.cameras import invent_cameras  # only where it is needed: it is slow to import

    invented = invent_cameras(splats, renderer, progress=progress)
    return invented_views(invented.cameras, invented.note)


def invented_views(cameras: tuple[Camera, ...], note: str) -> Views:
    """Views that `note` says something about, shared out."""
    split = split_views(cameras)
    notes = (NO_PHOTOGRAPHS, note, *([split.note] if split.note else []))
    return Views(split, False, True, "invented from the Gaussians", notes)


def given_views(
    scene: str | Path | None,
    cameras: Path | Literal["none"] | None,
    images: Path | Literal["none"] | None,
    max_side: int | None,
) -> Views | None:
    """Given cameras, or those found beside the scene; None where there are none.

    Raises:
        UsageError, FormatError, SceneError: see `load_cameras`.
    """
    if cameras != "none" and (scene is not None or cameras is not None):
        named = None if images == "none" else images
        found = load_cameras(cameras, named, scene if scene is not None else ".")
        if found.cameras:
            kept, photographs = found.cameras, False
            if images == "none":
                kept = tuple(replace(camera, image_path=None) for camera in kept)
            elif found.photographs:
                kept = tuple(camera for camera in kept if camera.image_path is not None)
                photographs = True
            kept, scaled = limit_side(kept, max_side)
            split = split_views(kept)
            notes = (*found.notes, *scaled, *([split.note] if split.note else []))
            notes = notes if photographs else (NO_PHOTOGRAPHS, *notes)
            return Views(split, photographs, False, found.source, notes)
    return None


def limit_side(
    cameras: tuple[Camera, ...], max_side: int | None
) -> tuple[tuple[Camera, ...], tuple[str, ...]]:
    """Cameras of at most so many pixels a side, and a note where that changed any.

    >>> import numpy as np
    >>> camera = Camera("a", 3200, 1600, 1.0, 1.0, 0.0, 0.0, np.eye(4))
    >>> limit_side((camera,), 1600)[1]
    ('1 of 1 views are scaled down to 1600 pixels a side, from 3200x1600',)
    """
    if max_side is None:
        return cameras, ()
    limited = tuple(camera.limited(max_side) for camera in cameras)
    large = [camera for camera in cameras if max(camera.width, camera.height) > max_side]
    if not large:
        return cameras, ()
    was = f"{large[0].width}x{large[0].height}"
    count = f"{len(large)} of {len(cameras)} views"
    return limited, (f"{count} are scaled down to {max_side} pixels a side, from {was}",)


def photograph_reader(most_bytes: int = PHOTO_CACHE_BYTES) -> Callable[[Camera], F32]:
    """`read_photograph` with a bounded memory; photographs are kept as bytes."""
    kept: dict[str, npt.NDArray[np.uint8]] = {}
    used = 0

    def read(camera: Camera) -> F32:
        nonlocal used
        if camera.name in kept:
            return kept[camera.name].astype(np.float32) / np.float32(255)
        photo = read_photograph(camera)
        if used + photo.size <= most_bytes:
            kept[camera.name] = np.rint(photo * 255).astype(np.uint8)
            used += photo.size
        return photo

    return read


def thin_views(views: Sequence[Camera], most: int) -> tuple[Camera, ...]:
    """At most so many views, evenly spread over their order."""
    if len(views) <= most:
        return tuple(views)
    return tuple(views[i * len(views) // most] for i in range(most))

# SPDX-License-Identifier: Apache-2.0
"""Looking at scenes: evaluate, render, score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from flexgs.core import Camera, Splats
from flexgs.errors import SceneError, UsageError
from flexgs.importance import scores
from flexgs.importance.sums import F32, F64
from flexgs.options import Device
from flexgs.pipeline.views import (
    MAX_SCORING_VIEWS,
    Views,
    find_views,
    photograph_reader,
    thin_views,
)
from flexgs.progress import SILENT, Progress
from flexgs.quality import Quality, measure_quality
from flexgs.render import Renderer, get_renderer
from flexgs.scenes import read_scene

Scene = Splats | str | Path
Source = Path | Literal["none"] | None  # a file or folder, none at all, or look beside the scene
ViewSet = Literal["report", "search", "scoring", "all"]


def pick_views(views: Views, which: ViewSet) -> tuple[Camera, ...]:
    """One set of the split, or all views by name."""
    split = views.split
    if which != "all":
        return {"report": split.report, "search": split.search, "scoring": split.scoring}[which]
    unique = {c.name: c for c in (*split.report, *split.search, *split.scoring)}
    return tuple(unique[name] for name in sorted(unique))


def _open(
    scene: Scene,
    cameras: Source,
    images: Source,
    renderer: Renderer,
    progress: Progress,
    max_side: int | None = None,
) -> tuple[Splats, Views]:
    splats = scene if isinstance(scene, Splats) else read_scene(scene)
    path = None if isinstance(scene, Splats) else scene
    return splats, find_views(path, splats, renderer, cameras, images, progress, max_side)


def evaluate(
    a: Scene,
    b: Scene,
    *,
    cameras: Source = None,
    images: Source = None,
    views: ViewSet = "report",
    max_side: int | None = None,  # pixels of a given view; larger photographs are scaled down
    reference_psnr: float | None = None,  # dB; None: the default
    device: Device = "auto",
    threads: int | None = None,
    progress: Progress = SILENT,
) -> Quality:
    """What `b` costs against `a`: PSNR and SSIM per view and mean, photographs where there are any.

    Cameras and photographs are those given, or found beside `a`, or invented from `a`.

    Raises:
        UsageError, FormatError, SceneError: scenes, cameras or photographs cannot be used.
    """
    renderer = get_renderer(device, threads)
    original, found = _open(a, cameras, images, renderer, progress, max_side)
    other = b if isinstance(b, Splats) else read_scene(b)
    quality = measure_quality(
        original,
        other,
        pick_views(found, views),
        renderer,
        photographs=found.photographs,
        reference_psnr=found.reference_psnr(reference_psnr),
        progress=progress,
    )
    return replace(quality, notes=(f"views: {found.source}", *found.notes))


def render_views(
    scene: Scene,
    *,
    cameras: Source = None,
    views: ViewSet = "report",
    scale: float = 1.0,
    device: Device = "auto",
    threads: int | None = None,
    progress: Progress = SILENT,
) -> Iterator[tuple[Camera, F32]]:
    """Views and their images (h, w, 3), one after the other; `scale` times the pixels a side.

    Raises:
        UsageError, FormatError, SceneError: the scene or its cameras cannot be used.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise UsageError("--scale is out of range", expected="more than 0", found=scale)
    renderer = get_renderer(device, threads)
    splats, found = _open(scene, cameras, "none", renderer, progress)
    chosen = pick_views(found, views)
    with progress.stage("render", total=len(chosen)) as advance:
        for camera in chosen:
            camera = camera if scale == 1.0 else camera.scaled(scale)
            yield camera, renderer.render(splats, camera)
            advance(1)


def score(
    scene: Scene,
    names: tuple[str, ...],
    *,
    cameras: Source = None,
    images: Source = None,
    views: ViewSet = "scoring",
    device: Device = "auto",
    threads: int | None = None,
    progress: Progress = SILENT,
) -> dict[str, F64]:
    """Scores (n,) by name, each in one shot over the scoring views; higher matters more.

    Raises:
        UsageError: an unknown score.
        FormatError, SceneError: the scene, its cameras or photographs cannot be used.
    """
    functions = {name: scores.get(name) for name in names}
    renderer = get_renderer(device, threads)
    splats, found = _open(scene, cameras, images, renderer, progress)
    if splats.n == 0:
        raise SceneError("the scene holds no Gaussians: there is nothing to score")
    chosen = thin_views(pick_views(found, views), MAX_SCORING_VIEWS)
    photograph = photograph_reader() if found.photographs else None
    result = {}
    for name, function in functions.items():
        with progress.stage(f"score {name}", total=len(chosen)) as advance:
            result[name] = function(splats, chosen, renderer, photograph, advance)
    return result

# SPDX-License-Identifier: Apache-2.0
"""Makes the demo's scene: photographs of the world, Gaussians fitted to them, INRIA's folders."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.demo.fit import fit, start_from_points
from flexgs.demo.views import orbit_cameras, surface_points
from flexgs.demo.world import photograph
from flexgs.errors import FlexgsError
from flexgs.io import write_ply, write_png
from flexgs.io.cameras.inria import write_inria
from flexgs.progress import SILENT, Progress
from flexgs.render import Renderer, get_renderer
from flexgs.render.metrics import psnr

F32 = npt.NDArray[np.float32]

HELD_OUT = 8  # every so many views, the report set of a compression, is kept from the fit
POINT_NOISE = 0.002  # of the distance to the camera, as a good reconstruction has


@dataclass(frozen=True)
class DemoOptions:
    """How large the demo is. The defaults take about a minute on two cores."""

    gaussians: int = 24_000
    views: int = 72
    width: int = 320
    height: int = 240
    steps: int = 1000
    degree: int = 3


@dataclass(frozen=True)
class DemoScene:
    """What was made. PSNR in dB, mean over the views, against the photographs."""

    scene: Path
    gaussians: int
    psnr_fitted: float
    psnr_held_out: float


def _photographs(cameras: tuple[Camera, ...], threads: int | None, progress: Progress) -> list[F32]:
    """Of every camera, rounded to the 8 bits that the files hold."""
    photos = []
    with (
        ThreadPoolExecutor(threads or os.cpu_count()) as pool,
        progress.stage("photograph", total=len(cameras)) as advance,
    ):
        for image in pool.map(photograph, cameras):
            photos.append(np.rint(image * 255).astype(np.float32) / np.float32(255))
            advance(1)
    return photos


def _write(
    folder: Path, cameras: tuple[Camera, ...], photos: list[F32], splats: Splats, steps: int
) -> Path:
    """INRIA's layout; the scene comes last, so that what has a scene is complete."""
    scene = folder / "point_cloud" / f"iteration_{steps}" / "point_cloud.ply"
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        scene.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlexgsError(f"cannot make folders: {error.strerror}", path=folder) from error
    for camera, photo in zip(cameras, photos, strict=True):
        write_png(folder / "images" / f"{camera.name}.png", photo)
    write_inria(folder / "cameras.json", cameras)
    write_ply(scene, splats, force=True)
    return scene


def _mean_psnr(
    renderer: Renderer, splats: Splats, cameras: list[Camera], photos: list[F32]
) -> float:
    values = [
        psnr(renderer.render(splats, camera), photo)
        for camera, photo in zip(cameras, photos, strict=True)
    ]
    return float(np.mean(values))


def make_demo_scene(
    folder: str | Path,
    *,
    progress: Progress = SILENT,
    seed: int = 0,
    options: DemoOptions | None = None,
    threads: int | None = None,
) -> DemoScene:
    """A fitted scene with cameras and photographs in INRIA's layout under `folder`.

    The same seed and options give the same files on the same kind of processor.

    Raises:
        FlexgsError: the system refused a write.
    """
    options = options or DemoOptions()
    rng = np.random.default_rng(seed)
    renderer = get_renderer("cpu", threads)
    cameras = orbit_cameras(options.views, options.width, options.height)
    photos = _photographs(cameras, threads, progress)
    held = [i for i in range(options.views) if i % HELD_OUT == 0]
    used = [i for i in range(options.views) if i % HELD_OUT]

    fitted, targets = [cameras[i] for i in used], [photos[i] for i in used]
    points, colours = surface_points(fitted, options.gaussians, POINT_NOISE, rng)
    start = start_from_points(points, colours, options.degree)
    splats = fit(start, fitted, targets, renderer, rng, options.steps, progress)
    return DemoScene(
        scene=_write(Path(folder), cameras, photos, splats, options.steps),
        gaussians=splats.n,
        psnr_fitted=_mean_psnr(renderer, splats, fitted, targets),
        psnr_held_out=_mean_psnr(
            renderer, splats, [cameras[i] for i in held], [photos[i] for i in held]
        ),
    )

# SPDX-License-Identifier: Apache-2.0
"""SOG files of bonsai, or of a crop of it: bytes, seconds, palette, PSNR against the input.

python benchmarks/sog.py [--crop 20000] [--weights] [--peer OTHER.sog] [--write-crop CROP.ply]

`--write-crop` saves the scene that a peer is to encode; `--peer` measures what it wrote. PSNR is of
the mean squared error over some search views, against renders of the input.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from bonsai import arguments, load_bonsai

from flexgs.core import Camera, Splats
from flexgs.importance import scores
from flexgs.io import write_ply
from flexgs.io.formats.sog import PRECISIONS, read_sog, write_sog
from flexgs.render import Renderer
from flexgs.render.metrics import mse

VIEWS = 6
SCORING_VIEWS = 40
SCALE = 0.75  # of the photographs' 800 x 533


def scaled(camera: Camera, by: float) -> Camera:
    return replace(
        camera,
        width=round(camera.width * by),
        height=round(camera.height * by),
        fx=camera.fx * by,
        fy=camera.fy * by,
        cx=camera.cx * by,
        cy=camera.cy * by,
    )


def some(views: Sequence[Camera], count: int, scale: float) -> list[Camera]:
    return [scaled(view, scale) for view in views[:: max(1, len(views) // count)]][:count]


def nearest_to_focus(splats: Splats, views: Sequence[Camera], count: int) -> Splats:
    """The Gaussians nearest to the point that the views look at."""
    poses = np.stack([view.world_to_camera for view in views])
    centres = -np.einsum("vji,vj->vi", poses[:, :3, :3], poses[:, :3, 3])
    across = np.eye(3) - poses[:, 2, :3, None] * poses[:, 2, None, :3]
    focus = np.linalg.solve(across.sum(axis=0), np.einsum("vij,vj->i", across, centres))
    away = np.linalg.norm(splats.means - focus, axis=1)
    return splats.select(np.sort(np.argsort(away, kind="stable")[:count]))


def psnr(splats: Splats, views: list[Camera], targets: list[np.ndarray], by: Renderer) -> float:
    errors = [mse(by.render(splats, v), t) for v, t in zip(views, targets, strict=True)]
    return float(-10 * np.log10(np.mean(errors)))


def palette_of(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return int(json.loads(archive.read("meta.json")).get("shN", {}).get("count", 0))


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--crop", type=int, help="Gaussians nearest to what the views look at")
    parser.add_argument("--weights", action="store_true", help="by removal, over scoring views")
    parser.add_argument("--peer", type=Path, help="a .sog of the same scene by another tool")
    parser.add_argument("--write-crop", type=Path)
    args = parser.parse_args()
    scene = load_bonsai(args.data, args.threads)
    splats = scene.splats
    if args.crop:
        splats = nearest_to_focus(splats, scene.split.search, args.crop)
    if args.write_crop:
        write_ply(args.write_crop, splats, force=True)
    views = some(scene.split.search, VIEWS, SCALE)
    targets = [scene.renderer.render(splats, view) for view in views]
    weights = None
    if args.weights:
        scoring = some(scene.split.scoring, SCORING_VIEWS, 0.5)
        weights = scores.get("removal")(splats, scoring, scene.renderer, None, lambda _: None)
    print("| file | bytes | s | CPU s | palette | PSNR dB |\n|---|---|---|---|---|---|")
    if args.peer:
        data = args.peer.read_bytes()
        quality = psnr(read_sog(data).splats, views, targets, scene.renderer)
        print(f"| {args.peer.name} | {len(data):,} | | | {palette_of(data)} | {quality:.2f} |")
    for number, precision in enumerate(PRECISIONS):
        clock, cpu = time.perf_counter(), time.process_time()
        data = write_sog(splats, weights, precision).data
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
        quality = psnr(read_sog(data).splats, views, targets, scene.renderer)
        cells = f"{len(data):,} | {clock:.1f} | {cpu:.1f} | {palette_of(data)} | {quality:.2f}"
        print(f"| precision {number} | {cells} |", flush=True)


if __name__ == "__main__":
    main()

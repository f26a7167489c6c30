# SPDX-License-Identifier: Apache-2.0
"""Do invented cameras rank and report as the true ones do? On bonsai, which has photographs.

    python benchmarks/invented_cameras.py [--data FOLDER] [--count N] [--stride K]

Prints the rank correlation of removal scores, what pruning half of the Gaussians in one shot costs
on the held-out photographs, and, along a path of pruning in rounds that only invented views chose,
the true drop beside the one predicted from invented views that were not scored. Nothing true is
shown to `invent_cameras`.
"""

from __future__ import annotations

import time

import numpy as np
from bonsai import Bonsai, arguments, load_bonsai, without

from flexgs.cameras import InventedCameras, invent_cameras
from flexgs.core import Camera, Splats, ViewSplit, split_views
from flexgs.importance import removal_order, round_ends, scores
from flexgs.options import DEFAULT_REFERENCE_PSNR
from flexgs.pipeline.views import photograph_reader
from flexgs.progress import SILENT
from flexgs.quality import REFERENCE_MARGIN_DB, drop_from_psnr
from flexgs.render.metrics import psnr

RATES = (0.45, 0.5, 0.55, 0.6, 0.65)


def removal_scores(scene: Bonsai, views: tuple[Camera, ...]) -> np.ndarray:
    """Sum of removal errors over views."""
    return scores.get("removal")(scene.splats, views, scene.renderer, None, lambda _: None)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, ties by row: only Gaussians that no view sees tie."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def true_drop(scene: Bonsai, candidate: Splats, stride: int) -> float:
    """Mean drop on the held-out photographs."""
    photograph, drops = photograph_reader(), []
    for camera in scene.split.report[::stride]:
        photo = photograph(camera)
        before = psnr(photo, scene.renderer.render(scene.splats, camera))
        drops.append(before - psnr(photo, scene.renderer.render(candidate, camera)))
    return float(np.mean(drops))


def against_renders(scene: Bonsai, candidate: Splats, views: tuple[Camera, ...]) -> np.ndarray:
    """PSNR of the candidate against the original, view by view."""
    render = scene.renderer.render
    return np.array([psnr(render(scene.splats, c), render(candidate, c)) for c in views])


def print_agreement(scene: Bonsai, found: InventedCameras, split: ViewSplit, stride: int) -> None:
    """Along the path of rounds: true drops and predicted ones, then both at 1 dB."""
    order = removal_order(
        scene.splats,
        split.scoring,
        scene.renderer,
        scores.get("removal"),
        round_ends(0.3, 0.1, RATES[-1]),
        None,
        SILENT,
    )
    careful = DEFAULT_REFERENCE_PSNR + REFERENCE_MARGIN_DB
    rows = []
    for rate in RATES:
        candidate = without(scene.splats, order, rate)
        values = against_renders(scene, candidate, split.report)
        rows.append(
            (
                true_drop(scene, candidate, stride),
                drop_from_psnr(float(values.mean())),
                float(np.mean([drop_from_psnr(v) for v in values])),
                drop_from_psnr(float(values.mean()), careful),
                float(np.mean([drop_from_psnr(v, careful) for v in values])),
            )
        )
        text = "  ".join(f"{v:9.3f}" for v in rows[-1])
        print(f"{rate:8.2f}  {values.mean():9.2f}  {text}", flush=True)
    true, *predicted = np.array(rows).T
    names = ("mean PSNR", "by view", "mean PSNR, margin", "by view, margin")
    for name, values in zip(names, predicted, strict=True):
        at_one, asked = np.interp(1.0, true, values), np.interp(1.0, values, true)
        print(
            f"{name:18s}: predicted at true 1 dB {at_one:.3f}; true at predicted 1 dB {asked:.3f}"
        )


def main() -> None:
    """Runs all three comparisons."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, help="views to invent (default: the program's)")
    parser.add_argument("--stride", type=int, default=1, help="use every k-th photograph")
    options = parser.parse_args()
    scene = load_bonsai(options.data, options.threads)
    started = time.perf_counter()
    extra = {} if options.count is None else {"count": options.count}
    found = invent_cameras(scene.splats, scene.renderer, **extra)
    print(f"{found.note} ({time.perf_counter() - started:.1f} s)", flush=True)
    split = split_views(found.cameras)
    true, invented = (removal_scores(scene, s.scoring) for s in (scene.split, split))
    correlation = np.corrcoef(ranks(true), ranks(invented))[0, 1]
    print(f"Spearman of removal scores, {len(split.scoring)} views: {correlation:.4f}")
    for name, values in (("true", true), ("invented", invented)):
        candidate = without(scene.splats, np.argsort(values, kind="stable"), 0.5)
        drop = true_drop(scene, candidate, options.stride)
        print(f"one shot 50 % by {name} views: {drop:.3f} dB", flush=True)
    print("    rate  P renders       true  mean PSNR    by view   mean+mrg   view+mrg")
    print_agreement(scene, found, split, options.stride)


if __name__ == "__main__":
    main()

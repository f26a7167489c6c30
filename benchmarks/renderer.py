# SPDX-License-Identifier: Apache-2.0
"""Speed of the CPU renderer on bonsai at 800x533: ms a view, ns a pixel lane.

    python benchmarks/renderer.py --threads 2

Medians over views of the best of several runs each; compare within one run, machines are noisy.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numba as nb
import numpy as np
from bonsai import Bonsai, arguments, load_bonsai

from flexgs.core import Camera
from flexgs.render.cpu import CpuRenderer
from flexgs.render.cpu.blend import first_row, last_row, row_misses
from flexgs.render.cpu.common import MX, MY, TILE
from flexgs.render.cpu.renderer import Frame, Scratch, build_frame

VIEWS, RUNS = 12, 5


@nb.njit
def count_lanes(records, starts, members, columns):  # type: ignore[no-untyped-def]
    """Lanes that the forward pass computes when no tile ends early."""
    lanes = 0
    for tile in range(len(starts) - 1):
        x0, y0 = (tile % columns) * TILE, (tile // columns) * TILE
        for k in range(starts[tile], starts[tile + 1]):
            g = records[members[k]]
            dx = np.float32(x0) + np.float32(0.5) - g[MX]
            for row in range(first_row(g, y0), last_row(g, y0)):
                dy = np.float32(y0 + row) + np.float32(0.5) - g[MY]
                lanes += 0 if row_misses(g, dx, dy) else TILE
    return lanes


def best_ms(run: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and CPU milliseconds, the best of RUNS."""
    walls, cpus = [], []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return 1e3 * min(walls), 1e3 * min(cpus)


def passes(scene: Bonsai, renderer: CpuRenderer, camera: Camera) -> dict[str, Callable[[], object]]:
    """What is timed."""
    ones = np.ones((camera.height, camera.width, 3), np.float32)
    scratch = Scratch()
    return {
        "project, sort, bin": lambda: build_frame(scene.splats, camera, scratch),
        "forward": lambda: renderer.render(scene.splats, camera),
        "forward + removal": lambda: renderer.contributions(scene.splats, camera),
        "forward + backward": lambda: renderer.backward(scene.splats, camera, ones),
        "forward + exact Fisher": lambda: renderer.fisher(scene.splats, camera),
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    args = parser.parse_args()
    scene = load_bonsai(args.data, args.threads)
    renderer = CpuRenderer(args.threads)
    views = scene.split.search[:: max(1, len(scene.split.search) // VIEWS)][:VIEWS]
    times: dict[str, list[tuple[float, float]]] = {}
    lanes, pixels, pairs = [], [], []
    for camera in views:
        frame: Frame = build_frame(scene.splats, camera, Scratch())
        lanes.append(count_lanes(frame.records, frame.starts, frame.members, frame.columns))
        pixels.append(camera.width * camera.height)
        pairs.append(len(frame.members))
        for name, run in passes(scene, renderer, camera).items():
            run()
            times.setdefault(name, []).append(best_ms(run))
    print(
        f"{len(views)} views, {scene.splats.n} Gaussians, {renderer.threads} threads, "
        f"{np.mean(np.array(lanes) / pixels):.0f} lanes a pixel, {np.mean(pairs):.0f} pairs"
    )
    frame_cpu = np.median([cpu for _, cpu in times["project, sort, bin"]])
    for name, values in times.items():
        wall, cpu = np.median(np.array(values), axis=0)
        lane = 1e6 * (cpu - frame_cpu) / np.median(lanes)
        extra = "" if name == "project, sort, bin" else f"  {lane:5.2f} ns a lane"
        print(f"{name:24s} {wall:7.1f} ms wall  {cpu:7.1f} ms CPU{extra}")


if __name__ == "__main__":
    main()

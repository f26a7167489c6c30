# SPDX-License-Identifier: Apache-2.0
"""Compression in blocks: what it costs against a scene at once, and how much memory it takes.

    python benchmarks/blocks.py --data bonsai -o out/blocks --blocks 6 --effort 1
    python benchmarks/blocks.py --data bonsai -o out/blocks --tiles 9 --max-memory 2GB --effort 1

The first compresses a scene at once and in blocks, by its own cameras and photographs, and compares
sizes and drops on the search views. The second copies the scene to a grid of tiles, rows streamed
to a .ply, with every so many of its cameras in each tile, and compresses that within a bound.
Memory is that of all processes of the command together, sampled five times a second.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from flexgs.core import Camera
from flexgs.io import load_cameras
from flexgs.io.cameras.inria import write_inria
from flexgs.io.ply_header import read_header
from flexgs.options import parse_size

FLEXGS = [sys.executable, "-m", "flexgs"]
SAMPLE_SECONDS = 0.2
ROWS = 1 << 16  # of a .ply, copied at a time
GAP = 1.05  # of the scene's width (but for its farthest hundredth), between tiles


def run(words: list[str]) -> tuple[dict[str, object], int, float]:
    """Report, peak bytes of the process tree, and seconds of a compression."""
    report = Path(words[words.index("--report") + 1])
    started, peak = time.perf_counter(), 0
    process = psutil.Popen([*FLEXGS, "compress", *words, "--force", "--quiet"])
    while process.poll() is None:
        peak = max(peak, resident(process))
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    seconds = time.perf_counter() - started
    return json.loads(report.read_text()), peak, seconds


def resident(process: psutil.Process) -> int:
    """Bytes in memory of a process and all below it."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:  # one has just ended
        pass
    return total


def show(name: str, report: dict, peak: int, seconds: float) -> None:
    """A row of the table."""
    search, own = report["search_quality"], report["report_quality"]
    drops = [f"{search['drop_db']:.4f}", "-" if own is None else f"{own['drop_db']:.4f}"]
    size, count = report["output"]["size_bytes"], report["output"]["gaussians"]
    plan = report["plan"]
    cells = [name, plan.get("blocks", "-"), plan.get("pieces", "-"), size, count, *drops]
    cells += [len(report["search"]), f"{seconds:.0f}", f"{peak / 1e6:.0f}"]
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def make_tiles(data: Path, folder: Path, tiles: int, views: int) -> Path:
    """scene.ply of copies on a square grid, and cameras.json with `views` cameras in each."""
    source = scene_of(data)
    header = read_header(source)
    rows = np.memmap(source, header.row, "r", header.offset, (header.count,))
    shift = GAP * widths(rows)
    side = math.ceil(math.sqrt(tiles))
    places = [(i % side, i // side) for i in range(tiles)]
    given = load_cameras(None, None, source).cameras
    up = -np.mean([c.world_to_camera[1, :3] for c in given], axis=0)
    first, second = sorted(np.argsort(np.abs(up))[:2])  # the two axes that are most level
    target = folder / "scene.ply"
    head = read_head(source, header.offset, header.count, tiles)
    with open(target, "wb") as file:
        file.write(head)
        for u, v in places:
            for start in range(0, header.count, ROWS):
                some = np.array(rows[start : start + ROWS])
                some["xyz"[first]] += u * shift[first]
                some["xyz"[second]] += v * shift[second]
                file.write(some.tobytes())
    some_views = given[:: max(1, len(given) // views)][:views]
    cameras = []
    for tile, (u, v) in enumerate(places):
        away = np.zeros(3)
        away[first], away[second] = u * shift[first], v * shift[second]
        cameras += [
            moved(camera, away, f"{tile:03d}_{i:03d}") for i, camera in enumerate(some_views)
        ]
    write_inria(folder / "cameras.json", cameras)
    return target


def scene_of(data: Path) -> Path:
    """A .ply, or the one in a folder."""
    return data if data.is_file() else data / "point_cloud.ply"


def widths(rows: np.ndarray) -> np.ndarray:
    """Extent of a scene along its axes, its farthest hundredth left out."""
    quantiles = (np.quantile(rows[axis][::16], (0.005, 0.995)) for axis in "xyz")
    return np.array([high - low for low, high in quantiles])


def read_head(source: Path, offset: int, count: int, tiles: int) -> bytes:
    """A header for so many times the vertices."""
    with open(source, "rb") as file:
        head = file.read(offset)
    return head.replace(b"element vertex %d" % count, b"element vertex %d" % (count * tiles))


def moved(camera: Camera, away: np.ndarray, name: str) -> Camera:
    """A camera of the scene that was moved by `away`."""
    pose = np.array(camera.world_to_camera)
    pose[:3, 3] -= pose[:3, :3] @ away
    return replace(camera, name=name, world_to_camera=pose, image_path=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="a .ply, or a folder with point_cloud.ply"
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--blocks", type=int, nargs="*", default=[6])
    parser.add_argument("--tiles", type=int, help="copies; without it the comparison is run")
    parser.add_argument("--views", type=int, default=16, help="of each tile")
    parser.add_argument("--max-memory", default="2GB")
    parser.add_argument("--max-side", default="800")
    parser.add_argument("--target-psnr-drop", default="1.0")
    parser.add_argument("--effort", default="1")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--no-images", action="store_true")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    common = ["--target-psnr-drop", args.target_psnr_drop, "--effort", args.effort]
    common += ["--threads", args.threads, "--max-side", args.max_side]
    common += ["--images", "none"] if args.no_images else []
    print(
        "| run | blocks | pieces | bytes | Gaussians | search drop | report drop | tries | s | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    if args.tiles is None:
        scene = scene_of(args.data)
        settings = [("at once", [])]
        settings += [
            (f"{b} blocks", ["--blocks", str(b), "--jobs", args.jobs]) for b in args.blocks
        ]
    else:
        scene = make_tiles(args.data, args.output, args.tiles, args.views)
        bound = ["--max-memory", args.max_memory, "--jobs", args.jobs]
        settings = [(f"{args.tiles} tiles in {args.max_memory}", bound)]
    for name, own in settings:
        place = args.output / name.replace(" ", "-")
        words = [str(scene), "-o", f"{place}.fgs", "--report", f"{place}.json", *common, *own]
        report, peak, seconds = run(words)
        show(name, report, peak, seconds)
        if args.tiles is not None and peak > parse_size(args.max_memory):
            print(f"over the bound: {peak} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()

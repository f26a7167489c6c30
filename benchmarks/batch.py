# SPDX-License-Identifier: Apache-2.0
"""Eight one-thread jobs through `flexgs batch`: two at a time against one, what the runner adds.

    python benchmarks/batch.py -o out/batch

Two demo scenes at four drops. Rows: a shell's loop over `flexgs compress`, `flexgs batch --jobs 1`,
`flexgs batch --jobs 2`. Overhead is the wall clock in which no job ran (start, hashing, journal,
summary) as a share; the files of all three must be the same. Only worth something on an idle
machine: the load before and after is printed with it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from flexgs.demo import DemoOptions, make_demo_scene

DROPS = ("1.0", "0.5", "0.3", "0.1")
SCENES = 2
FLEXGS = [sys.executable, "-m", "flexgs"]


def make_scenes(folder: Path) -> list[Path]:
    """Made once; kept."""
    options = DemoOptions(gaussians=8_000, views=40, width=240, height=180, steps=200)
    for seed in range(SCENES):
        model = folder / f"scene{seed}"
        if not list(model.glob("point_cloud/*/point_cloud.ply")):
            make_demo_scene(model, seed=seed, options=options)
    return sorted(folder.glob("*/point_cloud/*/point_cloud.ply"))


def timed(commands: list[list[str]]) -> tuple[float, float, str]:
    """Seconds, CPU seconds of all processes, stdout of the last command."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    out = ""
    for command in commands:
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, out


def loop(scenes: list[Path], folder: Path, effort: str) -> list[list[str]]:
    """The commands of a shell's loop."""
    commands = []
    for scene in scenes:
        for drop in DROPS:
            target = folder / scene.parents[2].name / f"drop-{float(drop):g}.fgs"
            target.parent.mkdir(parents=True, exist_ok=True)
            words = ["compress", str(scene), "-o", str(target), "--force", "-q", "--threads", "1"]
            setting = ["--max-side", "1600", "--target-psnr-drop", drop, "--effort", effort]
            commands.append([*FLEXGS, *words, *setting])
    return commands


def batch(models: Path, folder: Path, effort: str, jobs: int) -> list[str]:
    words = ["batch", str(models), "-o", str(folder), "--again", "--json", "-q", "--threads", "1"]
    targets = [word for drop in DROPS for word in ("--target-psnr-drop", drop)]
    return [*FLEXGS, *words, *targets, "--effort", effort, "--jobs", str(jobs)]


def outputs(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.fgs")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--effort", default="3")
    args = parser.parse_args()
    scenes = make_scenes(args.output / "models")
    print(f"load before: {os.getloadavg()}, {os.cpu_count()} cores")
    looped, looped_cpu, _ = timed(loop(scenes, args.output / "loop", args.effort))
    print("| how | s | CPU s | jobs, s | overhead |\n|---|---|---|---|---|")
    print(f"| loop over compress | {looped:.1f} | {looped_cpu:.1f} | – | – |", flush=True)
    seconds = {}
    for jobs in (1, 2):
        folder = args.output / f"jobs{jobs}"
        command = batch(args.output / "models", folder, args.effort, jobs)
        seconds[jobs], cpu, out = timed([command])
        inside = sum(row["seconds"] for row in json.loads(out)["jobs"])
        share = f"{1 - inside / seconds[jobs]:.2%}" if jobs == 1 else "–"
        print(f"| batch --jobs {jobs} | {seconds[jobs]:.1f} | {cpu:.1f} | {inside:.1f} | {share} |")
        if outputs(folder) != outputs(args.output / "loop"):
            sys.exit(f"{folder}: not the files of the loop")
    print(f"\n--jobs 2 is {seconds[1] / seconds[2]:.2f} times as fast as --jobs 1")
    print(f"load after: {os.getloadavg()}")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""How soon the viewer shows a picture, and how near it is to our renderer's: Markdown tables.

    python benchmarks/viewer.py -o out/viewer --gaussians 1000000
    python benchmarks/viewer.py -o out/viewer --pictures ply,compressed-ply,spz

Headless Chromium with software WebGL (SwiftShader) on the same cores. The first table is of a .ply
of copies of bonsai, from the start of `flexgs view` to a screenshot of the finished picture; the
second of bonsai in some formats and in one self-contained page, in one camera of the report set.
Needs scripts/build_viewer.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import numpy as np
import psutil
from bonsai import arguments, load_bonsai
from formats import enlarged

from flexgs.io import read_image, write_ply
from flexgs.io.formats.table import scene_formats
from flexgs.scenes import convert, read_scene

DRIVER = Path(__file__).resolve().parents[1] / "viewer" / "tests" / "drive.mjs"
VIEW = [sys.executable, "-m", "flexgs", "view"]
WIDTH, HEIGHT = 1280, 720
RUNS = 3


@dataclass(frozen=True)
class Run:
    """Seconds of one look at a page."""

    ready: float  # until flexgs has decoded the scene and listens
    settled: float  # from the browser's request until the page says that its picture is final
    shot: float  # from the same until that picture is in a file
    cpu: float  # CPU seconds of flexgs and the browser, its start included


class Meter:
    """CPU seconds of processes and all that they start, sampled until they end."""

    def __init__(self, *pids: int) -> None:
        self.roots = [psutil.Process(pid) for pid in pids]
        self.seconds: dict[int, float] = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.sample)
        self.thread.start()

    def sample(self) -> None:
        while not self.done.wait(0.1):
            for root in self.roots:
                with contextlib.suppress(psutil.Error):
                    for process in (root, *root.children(recursive=True)):
                        with contextlib.suppress(psutil.Error):
                            used = process.cpu_times()
                            self.seconds[process.pid] = used.user + used.system

    def total(self) -> float:
        self.done.set()
        self.thread.join()
        return sum(self.seconds.values())


def drive(
    url: str, size: tuple[int, int], steps: list[dict[str, str]], *servers: int
) -> tuple[list[float | None], float]:
    """Results of the steps, one each, and CPU seconds."""
    chromium = next(p for name in ("chromium", "google-chrome") if (p := shutil.which(name)))
    plan = {"url": url, "width": size[0], "height": size[1], "steps": steps}
    command = ["node", str(DRIVER), chromium]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        meter = Meter(process.pid, *servers)
        answer = json.loads(process.communicate(json.dumps(plan))[0])
    seconds = meter.total()
    if len(answer["results"]) != len(steps):
        raise SystemExit(f"the page failed: {answer['messages']}")
    return answer["results"], seconds


def view(scene: Path, cameras: str, size: tuple[int, int], shot: Path, bare: bool) -> Run:
    """Looks at a scene; `bare` hides the panel, so that the picture has the whole window."""
    command = [*VIEW, str(scene), "--cameras", cameras, "--no-browser", "--json", "--quiet"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=PIPE, text=True) as server:
        assert server.stdout is not None
        text = server.stdout.readline()
        while not text.rstrip().endswith("}"):
            text += server.stdout.readline()
        ready = time.perf_counter() - started
        hide = [{"key": "h"}, {"wait": "settled"}] if bare else []
        steps = [{"wait": "settled"}, *hide, {"shot": str(shot)}]
        results, cpu = drive(json.loads(text)["url"], size, steps, server.pid)
        server.terminate()
    return Run(ready, float(results[0] or 0), float(results[-1] or 0), cpu)


def first_picture(scene: Path, folder: Path) -> None:
    print("| run | flexgs ready, s | page to picture, s | to screenshot, s | all, s | CPU s |")
    print("|---|---|---|---|---|---|")
    for i in range(RUNS):
        run = view(scene, "none", (WIDTH, HEIGHT), folder / f"first-{i}.png", bare=False)
        print(
            f"| {i + 1} | {run.ready:.1f} | {run.settled:.1f} | {run.shot:.1f} "
            f"| {run.ready + run.shot:.1f} | {run.cpu:.1f} |"
        )


def pictures(names: list[str], folder: Path, data: Path, threads: int) -> None:
    scene = load_bonsai(data, threads)
    camera = scene.split.report[0]
    cameras, size = str(scene.path.parent / "cameras.json"), (camera.width, camera.height)
    print("| file | bytes | PSNR to our render of it, dB | PSNR to our render of the .ply, dB |")
    print("|---|---|---|---|")
    original = scene.renderer.render(scene.splats, camera)
    for name in names:
        suffix = scene_formats.get(name).suffixes[0]
        path = scene.path if name == "ply" else folder / f"bonsai{suffix}"
        if not path.exists():
            convert(scene.path, path)
        shot = folder / f"{name}.png"
        view(path, cameras, size, shot, bare=True)
        found = read_image(shot)
        own = scene.renderer.render(read_scene(path), camera)
        print(
            f"| {suffix} | {path.stat().st_size:,} | {psnr(found, own)} | {psnr(found, original)} |"
        )
    page, shot = folder / "bonsai.html", folder / "html.png"
    command = [*VIEW, str(scene.path), "--cameras", cameras, "--html", str(page), "--force", "-q"]
    subprocess.run(command, check=True)
    steps = [{"wait": "settled"}, {"key": "h"}, {"wait": "settled"}, {"shot": str(shot)}]
    drive(page.resolve().as_uri(), size, steps)
    found = read_image(shot)
    print(f"| .ply as one .html | {page.stat().st_size:,} | | {psnr(found, original)} |")


def psnr(a: np.ndarray, b: np.ndarray) -> str:
    error = np.mean(np.square(np.clip(a, 0, 1) - np.clip(b, 0, 1), dtype=np.float64))
    return f"{-10 * np.log10(error):.1f}"


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--gaussians", type=int, help="time a scene of so many")
    parser.add_argument("--pictures", metavar="NAMES", help="compare the pictures of formats")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.gaussians:
        path = options.output / f"copies-{options.gaussians}.ply"
        if not path.exists():
            splats = load_bonsai(options.data, options.threads).splats
            write_ply(path, enlarged(splats, options.gaussians))
        first_picture(path, options.output)
    if options.pictures:
        pictures(options.pictures.split(","), options.output, options.data, options.threads)


if __name__ == "__main__":
    main()

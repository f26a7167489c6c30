# SPDX-License-Identifier: Apache-2.0
"""Files of other viewers' formats, ours and splat-transform's, side by side: Markdown tables.

    python benchmarks/formats.py -o out/formats --peer node_modules/@playcanvas/splat-transform
    python benchmarks/formats.py -o out/formats --only "spz 3" --gaussians 1000000

Every row is one `flexgs convert` of bonsai, or one run of splat-transform, in a process of its own
that reads the .ply. PSNR is that of renders of the file as read back against renders of the .ply,
mean over the search set's views. `--gaussians` makes a larger scene of copies of bonsai and leaves
PSNR out. Seconds and memory are those of the whole process with all its imports; a second table has
the codec alone, in this process, the best and the median of the rounds; `--alone` makes only that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from bonsai import Bonsai, arguments, load_bonsai

from flexgs.core import Splats
from flexgs.io import write_ply
from flexgs.io.formats.compressed_ply import read_compressed_ply, write_compressed_ply
from flexgs.io.formats.gltf import read_glb, write_glb
from flexgs.io.formats.losses import Encoded
from flexgs.io.formats.spz import read_spz, write_spz
from flexgs.io.ply import SceneFile

RUNS = 3


@dataclass(frozen=True)
class Format:
    """How each side writes it, and how we read it."""

    suffix: str
    ours: list[str]  # options of `flexgs convert`
    peer: list[str] | None  # options of splat-transform; None: it does not write it
    encode: Callable[[Splats], Encoded]
    decode: Callable[[bytes], SceneFile]


FORMATS = {
    "spz 2": Format(".spz", ["--variant", "2"], None, partial(write_spz, version=2), read_spz),
    "spz 3": Format(".spz", [], ["--spz-version", "3"], write_spz, read_spz),
    "spz 4": Format(".spz", ["--variant", "4"], [], partial(write_spz, version=4), read_spz),
    "compressed.ply": Format(".compressed.ply", [], [], write_compressed_ply, read_compressed_ply),
    "glb": Format(".glb", [], [], write_glb, read_glb),
    "glb with spz": Format(
        ".glb", ["--variant", "spz"], None, partial(write_glb, spz=True), read_glb
    ),
}


@dataclass(frozen=True)
class Run:
    """What a process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(command: list[str]) -> Run:
    """One process; raises when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def self_psnr(scene: Bonsai, splats: Splats) -> float:
    """Mean over the search set, against renders of the original."""
    found = []
    for camera in scene.split.search:
        a, b = (np.clip(scene.renderer.render(s, camera), 0, 1) for s in (scene.splats, splats))
        found.append(-10 * np.log10(np.mean(np.square(a - b, dtype=np.float64))))
    return float(np.mean(found))


def enlarged(splats: Splats, count: int) -> Splats:
    """Copies of the scene side by side, `count` Gaussians in all."""
    copies = -(-count // splats.n)
    whole = splats.select(np.tile(np.arange(splats.n), copies)[:count])
    means = whole.means.copy()
    width = float(np.ptp(splats.means[:, 0]))
    means[:, 0] += np.repeat(np.arange(copies), splats.n)[:count] * np.float32(width)
    return Splats(means, whole.log_scales, whole.quats, whole.opacity_logits, whole.sh, whole.model)


def commands(
    name: str, source: Path, folder: Path, peer: Path | None
) -> list[tuple[str, Path, list[str]]]:
    """(who, output, command) of the rows of a format."""
    entry = FORMATS[name]
    stem = name.replace(" ", "-")
    ours, theirs = (folder / f"{stem}-{who}{entry.suffix}" for who in ("flexgs", "peer"))
    convert = [sys.executable, "-m", "flexgs", "convert", str(source), str(ours), "--force", "-q"]
    rows = [("flexgs", ours, [*convert, *entry.ours])]
    if peer is not None and entry.peer is not None:
        command = ["node", str(peer / "bin" / "cli.mjs"), "-w", "-q", str(source), str(theirs)]
        rows.append(("splat-transform", theirs, [*command, *entry.peer]))
    return rows


def whole_processes(
    names: list[str], source: Path, folder: Path, peer: Path | None, scene: Bonsai | None
) -> None:
    print("| format | by | bytes | self-PSNR dB | s | CPU s | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        for who, out, command in commands(name, source, folder, peer):
            best = min((run(command) for _ in range(RUNS)), key=lambda taken: taken.cpu_s)
            data = out.read_bytes()
            psnr = "-"
            if scene is not None:
                psnr = f"{self_psnr(scene, FORMATS[name].decode(data).splats):.2f}"
            print(
                f"| {name} | {who} | {len(data):,} | {psnr} | {best.wall_s:.1f} | {best.cpu_s:.1f} "
                f"| {best.peak_mb:.0f} |",
                flush=True,
            )


def codec_alone(names: list[str], splats: Splats, rounds: int) -> None:
    print(
        "\n| format | bytes | written, M Gaussians/s | CPU s | read | CPU s |\n" + "|---" * 6 + "|"
    )
    for name in names:
        entry = FORMATS[name]
        data = entry.encode(splats).data
        cells = [name, f"{len(data):,}"]
        for work in (partial(entry.encode, splats), partial(entry.decode, data)):
            cells += rates(splats.n, work, rounds)
        print(f"| {' | '.join(cells)} |", flush=True)


def rates(count: int, work: Callable[[], object], rounds: int) -> tuple[str, str]:
    """Best and median round in millions a second, and the least processor seconds."""
    taken = []
    for _ in range(rounds):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - start, time.process_time() - cpu))
    walls, cpus = zip(*taken, strict=True)
    best, median = min(walls), statistics.median(walls)
    return f"{count / best / 1e6:.2f} ({count / median / 1e6:.2f})", f"{min(cpus):.2f}"


def parse() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the files")
    parser.add_argument("--peer", type=Path, help="folder of the npm package splat-transform")
    parser.add_argument("--only", action="append", choices=list(FORMATS))
    parser.add_argument("--gaussians", type=int, help="of a larger scene made of copies")
    parser.add_argument("--rounds", type=int, default=9, help="of the codec alone")
    parser.add_argument("--alone", action="store_true", help="the codec alone, no processes")
    return parser.parse_args()


def main() -> None:
    options = parse()
    options.output.mkdir(parents=True, exist_ok=True)
    names = options.only or list(FORMATS)
    scene = load_bonsai(options.data, options.threads)
    source, splats = scene.path, scene.splats
    if options.gaussians:
        splats = enlarged(splats, options.gaussians)
        source = options.output / "large.ply"
        write_ply(source, splats, force=True)
    measured = None if options.gaussians else scene
    if not options.alone:
        whole_processes(names, source, options.output, options.peer, measured)
    codec_alone(names, splats, options.rounds)


if __name__ == "__main__":
    main()

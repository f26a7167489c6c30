# SPDX-License-Identifier: Apache-2.0
"""Whole compressions of bonsai through the installed command: Markdown tables.

    python benchmarks/compress.py -o out/benchmarks
    python benchmarks/compress.py -o out/benchmarks --only "1.0 dB" --only "0.3 dB"

Every row is one `flexgs compress` in a process of its own. Bytes are those of the file on disk; the
drops are of the file as decoded from it, on the search set and on the report set (every 8th view,
used for nothing else). The true drop without cameras is measured afterwards on the photographs. A
second table has bits a Gaussian by attribute, a third predictions, a fourth seconds by stage.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bonsai import arguments

ONE_DB = ["--target-psnr-drop", "1.0"]
SEGMENT = [*ONE_DB, "--profile", "segment"]
RUNS = {
    "1.0 dB": ONE_DB,
    "0.3 dB": ["--target-psnr-drop", "0.3"],
    "0.1 dB": ["--target-psnr-drop", "0.1"],
    "0.05 dB": ["--target-psnr-drop", "0.05"],
    "1.0 dB, no photographs": [*ONE_DB, "--images", "none"],
    "1.0 dB, no cameras": [*ONE_DB, "--cameras", "none"],
    "1.0 dB, effort 1": [*ONE_DB, "--effort", "1"],
    "1.0 dB, effort 3": [*ONE_DB, "--effort", "3"],
    "1.0 dB, refine 300": [*ONE_DB, "--refine", "300"],
    "1.0 dB, effort 7": [*ONE_DB, "--effort", "7"],
    "1.0 dB, no repair": [*ONE_DB, "--repair", "0"],
    "1.0 dB, segment": SEGMENT,
    "0.3 dB, segment": ["--target-psnr-drop", "0.3", "--profile", "segment"],
    "1.0 dB, segment, seed-fisher": [*SEGMENT, "--score", "seed-fisher"],
    "1.0 dB, segment, coverage": [*SEGMENT, "--score", "coverage"],
    "1.0 dB, segment, blend-weight": [*SEGMENT, "--score", "blend-weight"],
    "1.0 dB, segment, no photographs": [*SEGMENT, "--images", "none"],
    "1.0 dB, segment, no cameras": [*SEGMENT, "--cameras", "none"],
}
ATTRIBUTES = ("means", "opacity_logits", "log_scales", "quats", "dc", "sh")
FLEXGS = [sys.executable, "-m", "flexgs"]


def run(scene: Path, options: list[str], folder: Path, threads: int) -> dict[str, Any]:
    """One compression; its report, and what the process took."""
    folder.mkdir(parents=True, exist_ok=True)
    report, out = folder / "report.json", folder / "scene.fgs"
    command = [*FLEXGS, "compress", str(scene), "-o", str(out), "--force", "--quiet"]
    command += ["--report", str(report), "--report", str(folder / "report.html")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([*command, "--threads", str(threads), *options], check=True)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    values: dict[str, Any] = json.loads(report.read_text())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**values, "seconds": seconds, "cpu_seconds": cpu, "bytes": os.stat(out).st_size}


def true_drop(scene: Path, folder: Path) -> float:
    """On the photographs of the report set, whatever the compression knew."""
    command = [*FLEXGS, "evaluate", str(scene), str(folder / "scene.fgs"), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["drop_db"])


def bits_row(name: str, r: dict[str, Any]) -> str:
    """Bits a Gaussian by attribute; `rest` is header, table of contents and metadata."""
    bits = r["bits_by_attribute"]
    total = sum(bits.values())
    cells = [bits.get(attribute, 0.0) for attribute in ATTRIBUTES]
    listed = " | ".join(f"{value:.2f}" for value in (*cells, total - sum(cells), total))
    return f"| {name} | {r['output']['gaussians']} | {listed} |"


def prediction_row(name: str, r: dict[str, Any]) -> str:
    """Predicted and measured drop of every evaluation, in order; what repair bought."""
    steps = [s for s in r["search"] if s["predicted_db"] is not None]
    listed = ", ".join(f"{s['predicted_db']:.3f} / {s['drop_db']:.3f}" for s in steps)
    repair = r["repair"]
    if repair is None:
        return f"| {name} | – | – | – |"
    before, after = repair["unrepaired_drop_db"], repair["repaired_drop_db"]
    return f"| {name} | {listed} | {before:.3f} | {after:.3f} |"


def stage_row(name: str, r: dict[str, Any]) -> str:
    """Seconds by stage."""
    stages = ", ".join(f"{stage} {s:.1f}" for stage, s in r["seconds_by_stage"].items())
    return f"| {name} | {stages} |"


def print_details(done: dict[str, dict[str, Any]]) -> None:
    """The tables that come after the first one."""
    print(f"\n| setting | Gaussians | {' | '.join(ATTRIBUTES)} | rest | total |")
    print("|---|" + "---|" * (len(ATTRIBUTES) + 3))
    for name, r in done.items():
        print(bits_row(name, r))
    print("\n| setting | predicted / measured, dB | not repaired, dB | repaired, dB |")
    print("|---|---|---|---|")
    for name, r in done.items():
        print(prediction_row(name, r))
    print("\n| setting | seconds by stage |\n|---|---|")
    for name, r in done.items():
        print(stage_row(name, r))


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", action="append", choices=list(RUNS))
    args = parser.parse_args()
    scene = args.data / "bonsai" / "point_cloud.ply"
    print("| setting | bytes | ratio | search set | report set | evals | s | CPU s | peak MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    done = {}
    for name in args.only or RUNS:
        folder = args.output / name.replace(" ", "-").replace(",", "")
        r = done[name] = run(scene, RUNS[name], folder, args.threads)
        search = r["search_quality"]["drop_db"]
        print(
            f"| {name} | {r['bytes']} | {r['ratio']:.1f} | {search:.3f} "
            f"| {true_drop(scene, folder):.3f} | {len(r['search'])} "
            f"| {r['seconds']:.0f} | {r['cpu_seconds']:.0f} "
            f"| {r['peak_memory_bytes'] / 1e6:.0f} |",
            flush=True,
        )
    print_details(done)


if __name__ == "__main__":
    main()

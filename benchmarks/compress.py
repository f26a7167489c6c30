# SPDX-License-Identifier: Apache-2.0
"""Whole compressions of bonsai through the installed command: a Markdown table.

    python benchmarks/compress.py -o out/benchmarks
    python benchmarks/compress.py -o out/benchmarks --only "1.0 dB" --only "0.3 dB"

Every row is one `flexgs compress` in a process of its own. Bytes are those of the file on disk; the
drops are of the file as decoded from it, on the search set and on the report set (every 8th view,
used for nothing else). The true drop without cameras is measured afterwards on the photographs.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from bonsai import arguments

RUNS = {
    "1.0 dB": ["--target-psnr-drop", "1.0"],
    "0.3 dB": ["--target-psnr-drop", "0.3"],
    "0.1 dB": ["--target-psnr-drop", "0.1"],
    "1.0 dB, seed-fisher": ["--target-psnr-drop", "1.0", "--score", "seed-fisher"],
    "1.0 dB, coverage": ["--target-psnr-drop", "1.0", "--score", "coverage"],
    "1.0 dB, blend-weight": ["--target-psnr-drop", "1.0", "--score", "blend-weight"],
    "1.0 dB, no photographs": ["--target-psnr-drop", "1.0", "--images", "none"],
    "1.0 dB, no cameras": ["--target-psnr-drop", "1.0", "--cameras", "none"],
}
FLEXGS = [sys.executable, "-m", "flexgs"]


def run(scene: Path, options: list[str], folder: Path, threads: int) -> dict[str, object]:
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
    values: dict[str, object] = json.loads(report.read_text())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**values, "seconds": seconds, "cpu_seconds": cpu, "bytes": os.stat(out).st_size}


def true_drop(scene: Path, folder: Path) -> float:
    """On the photographs of the report set, whatever the compression knew."""
    command = [*FLEXGS, "evaluate", str(scene), str(folder / "scene.fgs"), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout)["drop_db"])


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", action="append", choices=list(RUNS))
    args = parser.parse_args()
    scene = args.data / "bonsai" / "point_cloud.ply"
    print("| setting | bytes | ratio | search set | report set | evals | s | CPU s | peak MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in args.only or RUNS:
        folder = args.output / name.replace(" ", "-").replace(",", "")
        r = run(scene, RUNS[name], folder, args.threads)
        search = r["search_quality"]["drop_db"]  # type: ignore[index]
        print(
            f"| {name} | {r['bytes']} | {r['ratio']:.1f} | {search:.3f} "
            f"| {true_drop(scene, folder):.3f} | {len(r['search'])} "  # type: ignore[arg-type]
            f"| {r['seconds']:.0f} | {r['cpu_seconds']:.0f} "
            f"| {r['peak_memory_bytes'] / 1e6:.0f} |",  # type: ignore[operator]
            flush=True,
        )


if __name__ == "__main__":
    main()

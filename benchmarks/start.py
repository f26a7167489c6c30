# SPDX-License-Identifier: Apache-2.0
"""Decoding speed, and how long a cold start takes.

python benchmarks/start.py small.fgs
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from flexgs.codec import decode_splats

RUNS = 7
HEAVY = ("torch", "numba", "scipy", "matplotlib")


def best_seconds(command: list[str]) -> float:
    """Wall-clock seconds of a fresh process, the best of RUNS."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="a .fgs file")
    path = parser.parse_args().file
    data = path.read_bytes()
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        splats = decode_splats(data)
        times.append(time.perf_counter() - started)
    print(f"decode: {splats.n} Gaussians of degree {splats.degree}, best of {RUNS}:")
    print(f"  {1e3 * min(times):.0f} ms, {splats.n / min(times) / 1e6:.2f} M Gaussians/s")
    flexgs = [sys.executable, "-m", "flexgs"]
    print(f"flexgs --help: {best_seconds([*flexgs, '--help']):.2f} s")
    code = (
        f"import sys, flexgs; flexgs.decompress({str(path)!r});"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    seconds = best_seconds([sys.executable, "-c", code])
    print(f"import, open, decode: {seconds:.2f} s; of {HEAVY} loaded: {loaded.stdout.strip()}")


if __name__ == "__main__":
    main()

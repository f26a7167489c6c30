# SPDX-License-Identifier: Apache-2.0
"""How fast scenes become bytes of other formats, and back, in memory: no disk, no process.

    python benchmarks/in_memory.py ../shared/data/bonsai/point_cloud.ply [--rounds 8]

Gaussians a second, the best and the median of the rounds after the first; on an idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from flexgs import read_scene
from flexgs.io.formats.compressed_ply import read_compressed_ply, write_compressed_ply
from flexgs.io.formats.spz import read_spz, write_spz


def rates(count: int, run: Callable[[], object], rounds: int) -> str:
    """Best and median in millions a second."""
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    best, median = min(seconds[1:]), statistics.median(seconds[1:])
    return f"{count / best / 1e6:.2f} ({count / median / 1e6:.2f})"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    args = parser.parse_args()
    splats = read_scene(args.scene)
    print("| format | bytes | write M/s, best (median) | read |\n|---|---|---|---|")
    for name, write, read in (
        ("spz 3", write_spz, read_spz),
        ("compressed-ply", write_compressed_ply, read_compressed_ply),
    ):
        data = write(splats).data
        writing = rates(splats.n, lambda write=write: write(splats), args.rounds)
        reading = rates(splats.n, lambda read=read, data=data: read(data), args.rounds)
        print(f"| {name} | {len(data)} | {writing} | {reading} |", flush=True)


if __name__ == "__main__":
    main()

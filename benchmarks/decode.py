# SPDX-License-Identifier: Apache-2.0
"""How fast a file decodes, by number of threads, and where one thread spends its time.

python benchmarks/decode.py small.fgs --threads 1 2
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from pathlib import Path

from flexgs.codec import decode_splats, describe

RUNS = 9
SHOWN = 14  # functions of the profile


def best_seconds(data: bytes, threads: int) -> tuple[float, float]:
    """Wall clock and processor time, each the best of RUNS; the kernels are compiled and warm."""
    walls, works = [], []
    for _ in range(RUNS):
        wall, work = time.perf_counter(), time.process_time()
        decode_splats(data, threads=threads)
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - work)
    return min(walls), min(works)


def profile(data: bytes) -> list[tuple[float, str]]:
    """(share of one thread's time, function), largest first."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(RUNS):
        decode_splats(data, threads=1)
    profiler.disable()
    stats = pstats.Stats(profiler)
    rows = [
        (own, f"{Path(file).stem}.{name}")
        for (file, _, name), (_, _, own, _, _) in stats.stats.items()  # type: ignore[attr-defined]
    ]
    return sorted(((own / stats.total_tt, name) for own, name in rows), reverse=True)  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="a .fgs file")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    data = arguments.file.read_bytes()
    info = describe(data)
    started = time.perf_counter()
    decode_splats(data)
    first = time.perf_counter() - started
    print(f"{info.profile}, {info.n} Gaussians, {8 * len(data) / max(info.n, 1):.1f} bit each,")
    print(f"{info.chunks} chunks; first decode with all imports: {first:.2f} s; best of {RUNS}:")
    for threads in arguments.threads:
        wall, work = best_seconds(data, threads)
        speed, effort = info.n / wall / 1e6, 1e6 * work / max(info.n, 1)
        print(f"  {threads} threads: {1e3 * wall:.0f} ms, {speed:.2f} M Gaussians/s", end="")
        print(f"; {effort:.2f} us of processor time a Gaussian")
    print("where one thread's time goes:")
    for share, name in profile(data)[:SHOWN]:
        print(f"  {100 * share:5.1f} %  {name}")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The search against an exhaustive grid on bonsai: how near the target, how near the smallest file.

python benchmarks/search.py --drop 1.0 --drop 0.3
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from bonsai import Bonsai, arguments, drop_meter, load_bonsai

from flexgs.pipeline.segment.candidates import Candidates
from flexgs.pipeline.segment.ranking import plan_rounds, rank
from flexgs.pipeline.views import thin_views
from flexgs.progress import SILENT
from flexgs.quant import SegmentPlan
from flexgs.search import MaxDrop, SearchResult, Setting, find_setting


def main() -> None:
    """Builds the grid once, searches for each target, prints a table."""
    options = parse()
    scene = load_bonsai(options.data, options.threads)
    candidates = prepare(scene, options)
    grid = evaluate_grid(candidates, options)
    print("| target dB | evaluations | drop dB | bytes | grid's smallest | difference | seconds |")
    print("|---|---|---|---|---|---|---|")
    for drop in options.drop:
        started = time.perf_counter()
        found = find_setting(candidates.distortion, candidates.size, MaxDrop(drop))
        print(row(drop, found, grid, time.perf_counter() - started), flush=True)
        for e in found.log:
            rates = f"{e.setting.pruning_rate:.3f} {e.setting.sh_rate:.3f}"
            text = f"{e.number:3d} {e.stage:9s} {rates} {e.drop_db:7.3f} dB {e.size_bytes:9d} B"
            print(f"  {text} {'met' if e.accepted else 'missed'}", file=sys.stderr)


def parse() -> argparse.Namespace:
    """Options; the defaults are those of the figures in docs/benchmarks.md."""
    parser = arguments("The search against an exhaustive grid on bonsai.")
    parser.add_argument("--drop", type=float, action="append", help="target, dB; repeatable")
    parser.add_argument("--search-views", type=int, default=36, help="views that drops are from")
    parser.add_argument("--scoring-views", type=int, default=250)
    parser.add_argument("--pruning", type=float, nargs=3, default=(0.2, 0.75, 0.05))
    parser.add_argument("--sh", type=float, nargs=3, default=(0.0, 1.0, 0.1))
    options = parser.parse_args()
    options.drop = options.drop or [1.0, 0.3]
    return options


def prepare(scene: Bonsai, options: argparse.Namespace) -> Candidates:
    """Rank as `flexgs compress --target-psnr-drop` does for the largest target."""
    views = thin_views(scene.split.scoring, options.scoring_views)
    rounds = plan_rounds("removal", max(options.drop), None)
    ranking = rank(scene.splats, views, scene.renderer, "removal", rounds, None, SILENT)
    meter = drop_meter(scene, thin_views(scene.split.search, options.search_views))
    return Candidates(scene.splats, ranking, SegmentPlan(), meter, {})


def evaluate_grid(
    candidates: Candidates, options: argparse.Namespace
) -> list[tuple[Setting, int, float]]:
    """(setting, bytes, drop) of every pair; settings far beyond the targets are cut short."""
    results = []
    for pruning in steps(*options.pruning):
        for sh in steps(*options.sh):
            setting = Setting(pruning, sh)
            size, drop = candidates.size(setting), candidates.distortion(setting)
            results.append((setting, size, drop))
            print(
                f"grid {pruning:.3f} {sh:.3f} {drop:.4f} dB {size} B", file=sys.stderr, flush=True
            )
            if drop > 2 * max(options.drop):  # more SH dropped is worse still
                break
    return results


def steps(first: float, last: float, step: float) -> list[float]:
    """From first to last, both included."""
    return [round(float(v), 6) for v in np.arange(first, last + step / 2, step)]


def row(
    drop: float, found: SearchResult, grid: list[tuple[Setting, int, float]], seconds: float
) -> str:
    """One line of the table."""
    smallest = min((size for _, size, lost in grid if lost <= drop), default=None)
    best = found.best
    share = "-" if smallest is None else f"{best.size_bytes / smallest - 1:+.2%}"
    return (
        f"| {drop:g} | {len(found.log)} | {best.drop_db:.3f} | {best.size_bytes} | {smallest} "
        f"| {share} | {seconds:.0f} |"
    )


if __name__ == "__main__":
    main()

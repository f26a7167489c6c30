# SPDX-License-Identifier: Apache-2.0
"""The re-implemented baselines on bonsai: sizes and drops at targets, and FlexGaussian's ablation.

python benchmarks/baselines.py -o out/baselines [--only mesongs] [--drop 1.0]

Scores and settings that several targets share are computed once; CPU seconds of a row are those
that its command would take alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from bonsai import arguments, load_bonsai

from flexgs.bench.baselines import BASELINES
from flexgs.bench.baselines.__main__ import make_parser
from flexgs.bench.baselines.model import Baseline, Job, Measured, Outcome, Setting, Trials
from flexgs.bench.baselines.run import measurer, prepare
from flexgs.core import Splats
from flexgs.options import CompressOptions
from flexgs.quality import Quality, measure_quality
from flexgs.scenes import scene_bytes

TARGETS = (0.1, 0.3, 0.5, 1.0, 2.0)
ABLATION_DB = 1.0  # pruning as it is at this target
COLUMNS = ("what", "setting", "met", "Gaussians", "bytes", "ratio", "search set dB",
           "report set dB", "SSIM", "evaluations", "CPU s", "sum of parts")  # fmt: skip
Measure = Callable[[Setting], Measured]


def main() -> None:
    """A table a baseline on standard output; files in the folder."""
    parser = arguments(__doc__ or "")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the files")
    parser.add_argument("--only", choices=BASELINES.ids(), help="one baseline")
    parser.add_argument("--drop", type=float, action="append", help="target, dB; repeatable")
    args, more = parser.parse_known_args()  # the rest are options of the baseline
    args.output.mkdir(parents=True, exist_ok=True)
    scene = load_bonsai(args.data, args.threads)
    job, views, drop = prepare(scene.path, scene.splats, CompressOptions(threads=args.threads))

    def look(splats: Splats) -> Quality:
        report = views.split.report
        return measure_quality(scene.splats, splats, report, scene.renderer, photographs=True)

    for name in [args.only] if args.only else BASELINES:
        print(f"\n{name}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
        table(BASELINES.get(name), job, drop, look, scene_bytes(scene.path), args, more)


def table(
    baseline: Baseline,
    job: Job,
    drop: Callable[[Splats], float],
    look: Callable[[Splats], Quality],
    original: int,
    args: argparse.Namespace,
    more: list[str],
) -> None:
    """All rows of one baseline."""

    def row(what: str, measure: Measure, spent: dict[str, float], target: float | None) -> Outcome:
        trials = Trials(measure, target)
        baseline.search(trials, choices)
        found = trials.outcome()
        path = args.output / f"{baseline.name} {what}.npz"
        path.write_bytes(found.encoded.data)
        quality = look(baseline.decode(path.read_bytes()))
        setting = ", ".join(f"{key} {value:g}" for key, value in found.trial.setting.items())
        seconds = spent["score"] + sum(spent[str(trial.setting)] for trial in found.trials)
        size = found.trial.size_bytes
        cells = (what, setting, "yes" if found.trial.met else "no", f"{found.trial.gaussians:,}",
                 f"{size:,}", f"{original / size:.2f}", f"{found.trial.drop_db:.3f}",
                 f"{quality.drop_db:.3f}", f"{quality.ssim_compressed_photo:.3f}",
                 len(found.trials), f"{seconds:.0f}",
                 f"{sum(found.encoded.parts.values()):,}")  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        return found

    choices = parse(baseline, more)
    measure, spent = once(baseline, job, choices, drop)
    for target in args.drop or TARGETS:
        found = row(f"{target} dB", measure, spent, target)
        if target == ABLATION_DB:
            rates = [f"--{k.replace('_', '-')}={v}" for k, v in found.trial.setting.items()]
    if baseline.name != "flexgaussian":
        return
    for parts, given in (("quantisation", []), ("pruning", rates)):
        choices = parse(baseline, ["--parts", parts, *given])
        row(f"parts {parts}", *once(baseline, job, choices, drop), None)


def parse(baseline: Baseline, options: list[str]) -> argparse.Namespace:
    """The baseline's own options, checked."""
    request = [baseline.name, "compress", "scene.ply", "-o", "out.npz", *options]
    choices = make_parser().parse_args(request)
    baseline.is_fixed(choices)
    return choices


def once(
    baseline: Baseline, job: Job, choices: argparse.Namespace, drop: Callable[[Splats], float]
) -> tuple[Measure, dict[str, float]]:
    """`measurer` that measures each setting once, and the CPU seconds that each took."""
    started = time.process_time()
    measure = measurer(baseline, job, choices, drop)
    spent = {"score": time.process_time() - started}
    known: dict[str, Measured] = {}

    def remembered(setting: Setting) -> Measured:
        key = str(dict(setting))
        if key not in known:
            before = time.process_time()
            known[key] = measure(setting)
            spent[key] = time.process_time() - before
        return known[key]

    return remembered, spent


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""flexgs bench"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flexgs.cli.batching import arguments as shared
from flexgs.cli.benching import arguments as own
from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import progress, say
from flexgs.errors import UsageError
from flexgs.options import CompressOptions

if TYPE_CHECKING:
    from flexgs.batch import BatchScene
    from flexgs.bench.model import Setup
    from flexgs.bench.planning import Plan


@app.command()
def bench(
    inputs: shared.Inputs,
    output: shared.Output,
    data: shared.Data = None,
    target_psnr_drop: own.TargetPsnrDrop = None,
    method: own.Method = None,
    effort: own.Effort = 5,
    peers: own.Peers = None,
    time_limit: own.TimeLimit = 600.0,
    max_side: own.MaxSide = 1600,
    lpips_weights: own.LpipsWeights = None,
    ablate: own.Ablate = False,
    part: own.Part = None,
    no_pictures: own.NoPictures = False,
    only_report: own.OnlyReport = False,
    device: args.Device = "auto",
    threads: args.Threads = None,
    again: shared.Again = False,
    dry_run: shared.DryRun = False,
    force: shared.Force = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Rate and distortion of flexgs and of other methods on scenes, measured alike."""
    from flexgs.bench.lpips import find_lpips
    from flexgs.bench.model import DROPS, Setup
    from flexgs.bench.planning import choose_methods, plan_bench
    from flexgs.bench.runner import bench_folder
    from flexgs.cli.benching.showing import run_and_show, show_plan

    drops = tuple(sorted(set(target_psnr_drop or ([1.0] if ablate else DROPS))))
    for drop in drops:
        CompressOptions(target_psnr_drop=drop)  # says what is wrong with it
    setup = Setup(drops, effort, threads, device, max_side, peers, time_limit)
    if peers is not None and not peers.is_dir():
        raise UsageError("no such folder of other tools", path=peers)
    scenes = _read(inputs, data or [], quiet)
    if ablate:
        if dry_run:
            raise UsageError("--ablate has no --dry-run")
        raise typer.Exit(
            _ablate(scenes, setup, part or [], method, output, force, as_json=as_json, quiet=quiet)
        )
    if part:
        raise UsageError("--part goes with --ablate")
    methods, missing = choose_methods(method or [], setup)
    lpips = find_lpips(lpips_weights)
    weights = lpips[0].id if lpips[0] is not None else None

    def look(folder: Path) -> Plan:
        with progress(quiet=quiet) as bars:
            plan = plan_bench(
                scenes,
                methods,
                setup,
                folder,
                unavailable=missing,
                lpips=weights,
                again=again,
                progress=bars,
            )
        return plan.done_part if only_report else plan

    if dry_run:
        show_plan(look(output), lpips[1], as_json=as_json, quiet=quiet)
        return
    with bench_folder(output, force) as folder:
        code = run_and_show(
            look(folder), folder, lpips, pictures=not no_pictures, as_json=as_json, quiet=quiet
        )
    raise typer.Exit(code)


def _ablate(
    scenes: tuple[BatchScene, ...],
    setup: Setup,
    parts: list[str],
    methods: list[str] | None,
    output: Path,
    force: bool,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    from flexgs.bench.ablation.run import Ablation
    from flexgs.bench.runner import bench_folder
    from flexgs.cli.benching.showing import ablate_and_show

    if methods or len(setup.drops) > 1:
        raise UsageError("--ablate is about flexgs at one target", found="--method or targets")
    ablation = Ablation(setup, setup.drops[0], tuple(parts))
    with bench_folder(output, force) as folder:
        return ablate_and_show(scenes, ablation, folder, as_json=as_json, quiet=quiet)


def _read(inputs: list[str], data: list[Path], quiet: bool) -> tuple[BatchScene, ...]:
    """Scenes of the command line, or of a manifest."""
    from flexgs.batch import find_scenes, read_manifest

    manifests = [text for text in inputs if text.lower().endswith(".toml")]
    if not manifests:
        return find_scenes(inputs, data)
    if len(inputs) > 1:
        raise UsageError("a manifest stands alone", expected=manifests[0], found=" ".join(inputs))
    say("the manifest's settings are left aside: a benchmark has its own", quiet=quiet)
    return read_manifest(Path(manifests[0]), data)[0]

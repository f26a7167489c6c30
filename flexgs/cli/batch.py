# SPDX-License-Identifier: Apache-2.0
"""flexgs batch"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flexgs.cli.batching import arguments as own
from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import progress
from flexgs.errors import UsageError
from flexgs.options import TargetKind, parse_size, parse_views

if TYPE_CHECKING:
    from flexgs.batch import BatchScene, Setting
    from flexgs.batch.executors import Executor


@app.command()
def batch(
    inputs: own.Inputs,
    output: own.Output,
    data: own.Data = None,
    target_psnr_drop: own.TargetPsnrDrop = None,
    target_size: own.TargetSize = None,
    target_ratio: own.TargetRatio = None,
    target_psnr: own.TargetPsnr = None,
    effort: own.Effort = None,
    profile: own.Profile = None,
    format: own.Format = None,
    cameras: own.NoCameras = None,
    images: own.NoImages = None,
    max_side: own.MaxSide = None,
    report_views: own.ReportViews = None,
    best_effort: own.BestEffort = False,
    device: own.Device = None,
    jobs: own.Jobs = 1,
    threads: own.Threads = None,
    max_memory: own.MaxMemory = None,
    ray: own.Ray = None,
    again: own.Again = False,
    dry_run: own.DryRun = False,
    force: own.Force = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Compress many scenes at many settings; what is done already is not done again."""
    common: dict[str, object] = {
        "effort": effort,
        "profile": profile,
        "format": format,
        "cameras": cameras,
        "images": images,
        "max_side": max_side,
        "best_effort": best_effort or None,
        "device": device,
    }
    common = {name: value for name, value in common.items() if value is not None}
    if report_views is not None:
        common["report_views"] = parse_views(report_views)
    targets: dict[TargetKind, list[Any]] = {
        "psnr_drop": target_psnr_drop or [],
        "size": [parse_size(text) for text in target_size or []],
        "ratio": target_ratio or [],
        "psnr": target_psnr or [],
    }
    from flexgs.batch import batch_folder, plan_batch
    from flexgs.batch.machine import memory_for_jobs, threads_per_job
    from flexgs.cli.batching.showing import run_and_show, show_plan

    scenes, settings = _read(inputs, data or [], targets, common)
    each = threads_per_job(threads, 1 if ray is not None else max(1, jobs))
    if dry_run:
        with progress(quiet=quiet) as bars:
            plan = plan_batch(scenes, settings, output, again=again, progress=bars)
        show_plan(plan, each, as_json=as_json, quiet=quiet)
        return
    memory = max_memory if max_memory is not None else memory_for_jobs()
    executor = _executor(ray, jobs, memory)
    with batch_folder(output, force) as folder:
        with progress(quiet=quiet) as bars:
            plan = plan_batch(scenes, settings, folder, again=again, progress=bars)
        code = run_and_show(plan, folder, executor, each, as_json=as_json, quiet=quiet)
    raise typer.Exit(code)


def _read(
    inputs: list[str],
    data: list[Path],
    targets: dict[TargetKind, list[Any]],
    common: dict[str, object],
) -> tuple[tuple[BatchScene, ...], tuple[Setting, ...]]:
    """Scenes and settings of the command line, or of a manifest."""
    from flexgs.batch import find_scenes, make_settings, read_manifest

    manifests = [text for text in inputs if text.lower().endswith(".toml")]
    if not manifests:
        settings = make_settings(targets, common)
        return find_scenes(inputs, data), settings
    if len(inputs) > 1:
        raise UsageError("a manifest stands alone", expected=manifests[0], found=" ".join(inputs))
    if common or any(targets.values()):
        raise UsageError("targets and options of jobs stand in the manifest", path=manifests[0])
    return read_manifest(Path(manifests[0]), data)


def _executor(ray: str | None, jobs: int, memory: int | None) -> Executor:
    from flexgs.batch.executors import InlineExecutor, ProcessExecutor

    if ray is not None:
        from flexgs.batch.executors.on_ray import RayExecutor

        return RayExecutor(ray)
    return ProcessExecutor(jobs, memory) if jobs else InlineExecutor()

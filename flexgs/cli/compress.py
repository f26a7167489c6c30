# SPDX-License-Identifier: Apache-2.0
"""flexgs compress"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common import compress_arguments as own
from flexgs.cli.common.app import TARGET_MISSED, app
from flexgs.cli.common.output import print_json, progress, say, show
from flexgs.cli.common.streams import is_stream, scene_input, scene_output
from flexgs.errors import UsageError
from flexgs.options import CompressOptions, parse_bits, parse_source, parse_views


@app.command()
def compress(
    ctx: typer.Context,
    scene: args.SceneOrStream,
    output: own.Output = None,
    target_psnr_drop: own.TargetPsnrDrop = None,
    target_size: own.TargetSize = None,
    target_ratio: own.TargetRatio = None,
    target_psnr: own.TargetPsnr = None,
    pruning_rate: own.PruningRate = None,
    max_evaluations: own.MaxEvaluations = 20,
    time_budget: own.TimeBudget = None,
    best_effort: own.BestEffort = False,
    format: own.Format = None,
    origin: args.Origin = None,
    profile: own.Profile = "auto",
    effort: own.Effort = 5,
    repair: own.Repair = None,
    refine: own.Refine = None,
    sh_rate: own.ShRate = None,
    score: own.Score = "removal",
    segments: own.Segments = 100,
    bits: own.Bits = None,
    codec: own.Codec = "auto",
    level: own.Level = None,
    cameras: args.Cameras = None,
    images: args.Images = None,
    max_side: own.MaxSide = None,
    reference_psnr: args.ReferencePsnr = None,
    report_views: own.ReportViews = "all",
    max_memory: own.MaxMemory = None,
    blocks: own.Blocks = None,
    jobs: own.Jobs = 1,
    ray: own.Ray = None,
    reports: own.Reports = None,
    drop_invalid: own.DropInvalid = False,
    dry_run: own.DryRun = False,
    force: args.Force = False,
    device: args.Device = "auto",
    threads: args.Threads = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Make SCENE as small as a target allows (default: at most 1 dB of PSNR lost)."""
    names = {field.name for field in fields(CompressOptions)}
    given = {name: value for name, value in ctx.params.items() if name in names}
    given |= {
        "cameras": parse_source(cameras),
        "images": parse_source(images),
        "bits": parse_bits(bits or []),
        "report_views": parse_views(report_views),
        "time_budget_s": time_budget,
        "refine_s": refine,
    }
    options = CompressOptions(**given)

    from flexgs.pipeline import compress as run
    from flexgs.pipeline.formats.choice import AUTO, choose_format
    from flexgs.report import ensure_report, write_report

    if output is None:
        suffix = choose_format(options, None).suffixes[0]
        output = scene if is_stream(scene) else scene.with_suffix(suffix)
    to_stream = is_stream(output)
    others = [scene, output, *(Path(source) for source in (cameras, images) if source is not None)]
    for path in reports or []:
        ensure_report(path, force, inputs=others)
    own_format = choose_format(options, None).name if to_stream else None
    if own_format == AUTO.name:
        raise UsageError("--format auto puts a suffix behind a name", expected="-o NAME", found="-")
    with (
        scene_output(output, own_format, as_json) as target,
        scene_input(scene, origin) as source,
        progress(quiet=quiet) as bars,
    ):
        result = run(source, target, options=options, progress=bars)
    if as_json:
        from flexgs.report.to_json import report_to_plain

        print_json(report_to_plain(result.report))
    if not quiet:
        from flexgs.report.terminal import report_table

        show(report_table(result.report), as_json=as_json or to_stream)
    for path in reports or []:  # last: should one fail, all is shown and the scene is safe
        write_report(result.report, path)
    if result.report.target is not None and not result.report.target.reached:
        say("flexgs: the target is not reached; this is the nearest")
        raise typer.Exit(TARGET_MISSED)

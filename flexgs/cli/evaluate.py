# SPDX-License-Identifier: Apache-2.0
"""flexgs evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.compress_arguments import MaxSide
from flexgs.cli.common.output import print_json, progress, show
from flexgs.options import parse_source


@app.command()
def evaluate(
    original: Annotated[
        Path, typer.Argument(metavar="A", help="The original scene.", show_default=False)
    ],
    other: Annotated[
        Path, typer.Argument(metavar="B", help="The scene to judge.", show_default=False)
    ],
    cameras: args.Cameras = None,
    images: args.Images = None,
    views: args.Views = "report",
    max_side: MaxSide = None,
    reference_psnr: args.ReferencePsnr = None,
    device: args.Device = "auto",
    threads: args.Threads = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Compare scene B with scene A: PSNR and SSIM of every view, to renders and to photographs."""
    from flexgs.pipeline import evaluate as run

    with progress(quiet=quiet) as bars:
        quality = run(
            original,
            other,
            cameras=parse_source(cameras),
            images=parse_source(images),
            views=views,
            max_side=max_side,
            reference_psnr=reference_psnr,
            device=device,
            threads=threads,
            progress=bars,
        )
    if as_json:
        print_json(quality)
    elif not quiet:
        from flexgs.report.terminal import quality_table

        show(quality_table(quality))

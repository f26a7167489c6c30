# SPDX-License-Identifier: Apache-2.0
"""flexgs render"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.files import ensure_folder, write_pictures
from flexgs.cli.common.output import print_json, progress, say
from flexgs.options import parse_source


@app.command()
def render(
    scene: args.Scene,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the pictures.", show_default=False)
    ],
    views: args.Views = "report",
    scale: Annotated[float, typer.Option(help="Times the pixels a side.")] = 1.0,
    cameras: args.Cameras = None,
    force: args.Force = False,
    device: args.Device = "auto",
    threads: args.Threads = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Render views of SCENE as PNG files."""
    ensure_folder(output, force)

    from flexgs.pipeline import render_views

    with progress(quiet=quiet) as bars:
        images = render_views(
            scene,
            cameras=parse_source(cameras),
            views=views,
            scale=scale,
            device=device,
            threads=threads,
            progress=bars,
        )
        names = write_pictures(images, output)
    if as_json:
        print_json({"files": names})
    say(f"{len(names)} pictures in {output}", quiet=quiet)

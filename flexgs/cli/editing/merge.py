# SPDX-License-Identifier: Apache-2.0
"""flexgs merge"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common import scene_arguments as own
from flexgs.cli.common.app import app
from flexgs.cli.common.outcome import show_edit
from flexgs.cli.common.streams import is_stream, scene_input, scene_output
from flexgs.errors import UsageError


@app.command()
def merge(
    scenes: Annotated[
        list[Path],
        typer.Argument(
            metavar="SCENE...",
            help="Scenes of any format, in one frame. -: standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The new file; its name says the format. -: standard output.",
            show_default=False,
        ),
    ],
    origin: args.Origin = None,
    format: own.Format = None,
    variant: own.Variant = None,
    plain: own.Plain = False,
    drop_invalid: own.DropInvalid = False,
    force: args.Force = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Put all SCENEs into one, with the highest SH degree among them."""
    streams = sum(is_stream(scene) for scene in scenes)
    if streams > 1:
        raise UsageError("standard input is one scene", expected="- at most once")

    from flexgs.editing import merge as run

    with scene_output(output, format, as_json) as target, ExitStack() as opened:
        sources = []
        for scene in scenes:
            own_origin = origin if is_stream(scene) or not streams else None
            sources.append(opened.enter_context(scene_input(scene, own_origin)))
        done = run(
            sources, target, force=force, variant=variant, plain=plain, drop_invalid=drop_invalid
        )
    show_edit(done, output, as_json=as_json, quiet=quiet)

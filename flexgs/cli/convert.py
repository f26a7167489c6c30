# SPDX-License-Identifier: Apache-2.0
"""flexgs convert"""

from __future__ import annotations

from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common import scene_arguments as own
from flexgs.cli.common.app import app
from flexgs.cli.common.outcome import say_outcome
from flexgs.cli.common.output import print_json
from flexgs.cli.common.streams import scene_input, scene_output, shown


@app.command()
def convert(
    scene: args.SceneOrStream,
    output: own.Output,
    origin: args.Origin = None,
    format: own.Format = None,
    variant: own.Variant = None,
    plain: own.Plain = False,
    drop_invalid: own.DropInvalid = False,
    level: Annotated[
        int, typer.Option(min=0, help="Of detail, of a streamed SOG; 0 is the finest.")
    ] = 0,
    force: args.Force = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Rewrite SCENE in another format, as exactly as that can; say what it could not hold."""
    from flexgs.scenes import convert as run

    with (
        scene_output(output, format, as_json) as target,
        scene_input(scene, origin) as source,
    ):
        done = run(
            source,
            target,
            force=force,
            variant=variant,
            plain=plain,
            drop_invalid=drop_invalid,
            level=level,
        )
    if as_json:
        print_json(done)
    summary = (
        f"{shown(output)}: {done.gaussians:,} Gaussians, SH degree {done.sh_degree}, "
        f"{done.output_bytes:,} bytes"
    )
    say_outcome(done.notes, done.losses, summary, quiet)

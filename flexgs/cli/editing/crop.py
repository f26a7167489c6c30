# SPDX-License-Identifier: Apache-2.0
"""flexgs crop"""

from __future__ import annotations

from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common import scene_arguments as own
from flexgs.cli.common.app import app
from flexgs.cli.common.outcome import show_edit
from flexgs.cli.common.streams import scene_input, scene_output
from flexgs.options import parse_numbers

BOX, SPHERE = "x0,y0,z0,x1,y1,z1", "x,y,z,radius"


@app.command()
def crop(
    scene: args.SceneOrStream,
    output: own.Output,
    box: Annotated[
        str | None, typer.Option(metavar=BOX, help="Centres between these two corners.")
    ] = None,
    sphere: Annotated[
        str | None, typer.Option(metavar=SPHERE, help="Centres at most so far from a point.")
    ] = None,
    min_opacity: Annotated[
        float | None, typer.Option(metavar="0..1", help="At least so opaque; 0.004: visible.")
    ] = None,
    max_scale: Annotated[
        float | None,
        typer.Option(metavar="SIZE", help="Largest standard deviation at most so long."),
    ] = None,
    invert: Annotated[
        bool, typer.Option("--invert", help="Keep what does not pass all of these tests.")
    ] = False,
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
    """Keep the Gaussians of SCENE that pass all tests given, in the scene's axes and units."""
    from flexgs.editing import Region
    from flexgs.editing import crop as run

    region = Region(
        None if box is None else parse_numbers("--box", box, BOX),
        None if sphere is None else parse_numbers("--sphere", sphere, SPHERE),
        min_opacity,
        max_scale,
        invert,
    )
    with (
        scene_output(output, format, as_json) as target,
        scene_input(scene, origin) as source,
    ):
        done = run(
            source,
            region,
            target,
            force=force,
            variant=variant,
            plain=plain,
            drop_invalid=drop_invalid,
        )
    show_edit(done, output, as_json=as_json, quiet=quiet)

# SPDX-License-Identifier: Apache-2.0
"""flexgs transform"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common import scene_arguments as own
from flexgs.cli.common.app import app
from flexgs.cli.common.outcome import show_edit
from flexgs.cli.common.streams import is_stream, scene_input, scene_output
from flexgs.errors import UsageError
from flexgs.options import parse_numbers

AXES = "x,y,z"


@app.command()
def transform(
    scene: args.SceneOrStream,
    output: own.Output,
    scale: Annotated[float, typer.Option(metavar="TIMES", help="First: so many times larger.")] = 1,
    rotate: Annotated[
        str,
        typer.Option(
            metavar=AXES,
            help="Second: degrees about the fixed axes x, then y, then z; right-handed.",
        ),
    ] = "0,0,0",
    translate: Annotated[
        str, typer.Option(metavar=AXES, help="Third: moved so far, in scene units.")
    ] = "0,0,0",
    cameras: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="cameras.json, transforms.json or a COLMAP folder to move along, into a "
            "cameras.json beside OUT.",
            show_default="none",
        ),
    ] = None,
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
    """Scale, then rotate, then move SCENE about its origin; its SH and cameras turn with it."""
    if cameras is not None and is_stream(output):
        raise UsageError("cameras go beside the output", expected="a file", found="standard output")

    from flexgs.editing import Motion
    from flexgs.editing import transform as run

    rx, ry, rz = parse_numbers("--rotate", rotate, AXES)
    tx, ty, tz = parse_numbers("--translate", translate, AXES)
    motion = Motion(scale, (rx, ry, rz), (tx, ty, tz))
    with (
        scene_output(output, format, as_json) as target,
        scene_input(scene, origin) as source,
    ):
        done = run(
            source,
            motion,
            target,
            cameras=cameras,
            force=force,
            variant=variant,
            plain=plain,
            drop_invalid=drop_invalid,
        )
    show_edit(done, output, as_json=as_json, quiet=quiet)

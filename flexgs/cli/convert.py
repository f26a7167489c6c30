# SPDX-License-Identifier: Apache-2.0
"""flexgs convert"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, say


@app.command()
def convert(
    scene: args.Scene,
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="The new file; its name says the format.", show_default=False
        ),
    ],
    variant: Annotated[
        str | None,
        typer.Option(
            help="Of the format: version of an .spz, level of a .ksplat, precision of a .sog.",
            show_default="the usual one",
        ),
    ] = None,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="Write an antialiased or flat (2DGS) scene as if it were plain 3DGS, where the "
            "format cannot say what it is.",
        ),
    ] = False,
    drop_invalid: Annotated[
        bool, typer.Option("--drop-invalid", help="Leave out Gaussians with unusable values.")
    ] = False,
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

    done = run(
        scene,
        output,
        force=force,
        variant=variant,
        plain=plain,
        drop_invalid=drop_invalid,
        level=level,
    )
    if as_json:
        print_json(done)
    for note in done.notes:
        say(f"note: {note}", quiet=quiet)
    for loss in done.losses:
        say(f"lost: {loss}", quiet=quiet)
    say(
        f"{output}: {done.gaussians:,} Gaussians, SH degree {done.sh_degree}, "
        f"{done.output_bytes:,} bytes",
        quiet=quiet,
    )

# SPDX-License-Identifier: Apache-2.0
"""flexgs inspect"""

from __future__ import annotations

from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, show
from flexgs.cli.common.streams import scene_input

FAULTY = 1  # exit code


@app.command()
def inspect(
    scene: args.SceneOrStream,
    losses: Annotated[
        str,
        typer.Option(
            metavar="quick|all|none|NAME,...",
            help="Formats whose losses are looked at; quick: all but SOG, which takes long.",
        ),
    ] = "quick",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 for warnings, too.")
    ] = False,
    origin: args.Origin = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Look for what is odd or wrong in SCENE, and say what other formats would lose of it.

    It looks at the values, bad ones too, which other commands refuse; `flexgs info` shows the file:
    bytes by attribute and metadata. Exit code 1 when there are errors.
    """
    from flexgs.cli.common.inspection_tables import inspection_tables
    from flexgs.lint import inspect as run

    with scene_input(scene, origin) as source:
        found = run(source, formats=losses)
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        show(inspection_tables(found))
    if found.count("error") or (strict and found.count("warning")):
        raise typer.Exit(FAULTY)

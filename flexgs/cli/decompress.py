# SPDX-License-Identifier: Apache-2.0
"""flexgs decompress"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, say
from flexgs.cli.common.streams import is_stream, scene_input, scene_output, shown


@app.command()
def decompress(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .fgs file, or a scene of any format. -: standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The .ply file. -: standard output.",
            show_default="FILE.ply, or - for -",
        ),
    ] = None,
    origin: args.Origin = None,
    force: args.Force = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Bring FILE back as a .ply that any viewer opens."""
    if output is None:
        output = file if is_stream(file) else file.with_suffix(".ply")

    from flexgs.scenes import unpack

    with (
        scene_output(output, "ply" if is_stream(output) else None, as_json) as target,
        scene_input(file, origin) as source,
    ):
        found = unpack(source, target, force=force)
        size = target.stat().st_size
    if as_json:
        facts = {"gaussians": found.gaussians, "sh_degree": found.sh_degree}
        print_json({**facts, "size_bytes": size})
    text = f"{shown(output)}: {found.gaussians:,} Gaussians, SH degree {found.sh_degree}"
    say(text, quiet=quiet)

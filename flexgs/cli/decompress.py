# SPDX-License-Identifier: Apache-2.0
"""flexgs decompress"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, say


@app.command()
def decompress(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A .fgs file, or a scene of any format.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The .ply file.", show_default="FILE.ply"),
    ] = None,
    force: args.Force = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Bring FILE back as a .ply that any viewer opens."""
    target = file.with_suffix(".ply") if output is None else output

    from flexgs.scenes import decompress as run

    splats = run(file, target, force=force)
    size = target.stat().st_size
    if as_json:
        print_json({"gaussians": splats.n, "sh_degree": splats.degree, "size_bytes": size})
    say(f"{target}: {splats.n:,} Gaussians, SH degree {splats.degree}", quiet=quiet)

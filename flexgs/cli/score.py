# SPDX-License-Identifier: Apache-2.0
"""flexgs score"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.files import write_npz
from flexgs.cli.common.output import print_json, progress, show
from flexgs.options import parse_source


@app.command()
def score(
    scene: args.Scene,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The .npz file.", show_default="none is written"),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--score", help="Which one; repeatable.", show_default="all"),
    ] = None,
    views: args.Views = "scoring",
    cameras: args.Cameras = None,
    images: args.Images = None,
    force: args.Force = False,
    device: args.Device = "auto",
    threads: args.Threads = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Score every Gaussian of SCENE and show how far the scores agree (Spearman)."""
    from flexgs.importance import scores
    from flexgs.importance.agreement import rank_correlations
    from flexgs.io import ensure_output, ensure_suffix
    from flexgs.pipeline import score as run

    if output is not None:
        ensure_suffix(output, ".npz")
        ensure_output(output, force, [scene])
    with progress(quiet=quiet) as bars:
        found = run(
            scene,
            tuple(names or scores.ids()),
            cameras=parse_source(cameras),
            images=parse_source(images),
            views=views,
            device=device,
            threads=threads,
            progress=bars,
        )
    if output is not None:
        write_npz(output, found)
    correlations = rank_correlations(list(found.values()))
    if as_json:
        print_json({"scores": list(found), "spearman": correlations.tolist()})
    elif not quiet:
        from flexgs.cli.common.tables import correlation_table

        show(correlation_table(list(found), correlations))

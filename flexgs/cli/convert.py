# SPDX-License-Identifier: Apache-2.0
"""flexgs convert"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common import scene_arguments as own
from flexgs.cli.common.app import app
from flexgs.cli.common.outcome import say_outcome
from flexgs.cli.common.output import print_json, progress
from flexgs.cli.common.streams import scene_input, scene_output, shown
from flexgs.errors import UsageError
from flexgs.options import parse_shares

LOD_META = "lod-meta.json"  # as flexgs.io.formats.sog has it, which takes long to import


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
    lod: Annotated[
        str | None,
        typer.Option(
            metavar="SHARES",
            help="Coarser levels of FOLDER/lod-meta.json, a streamed SOG: shares of the Gaussians.",
            show_default="0.5,0.25,0.1",
        ),
    ] = None,
    frame: Annotated[
        str | None,
        typer.Option(
            metavar="RUB|RDF|...",
            help="Axes of an .spz that does not say which it has (Right, Up, Back).",
            show_default="RDF, those of the .ply",
        ),
    ] = None,
    force: args.Force = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Rewrite SCENE in another format, as exactly as that can; say what it could not hold."""
    given: dict[str, Any] = {
        "force": force,
        "variant": variant,
        "plain": plain,
        "drop_invalid": drop_invalid,
        "level": level,
        "frame": frame,
    }
    levels = output.name == LOD_META
    if lod is not None and not levels:
        raise UsageError("--lod is for streamed SOG", path=output, expected=f"FOLDER/{LOD_META}")
    with (
        scene_output(output, format, as_json) as target,
        scene_input(scene, origin) as source,
        progress(quiet=quiet) as bars,
    ):
        if levels:
            from flexgs.pipeline.formats.detail import SHARES, convert_to_levels

            shares = SHARES if lod is None else parse_shares(lod)
            done = convert_to_levels(source, target, shares, **given, progress=bars)
        else:
            from flexgs.scenes import convert as run

            done = run(source, target, **given)
    if as_json:
        print_json(done)
    summary = (
        f"{shown(output)}: {done.gaussians:,} Gaussians, SH degree {done.sh_degree}, "
        f"{done.output_bytes:,} bytes"
    )
    say_outcome(done.notes, done.losses, summary, quiet)

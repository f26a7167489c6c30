# SPDX-License-Identifier: Apache-2.0
"""flexgs image decode"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.output import print_json, say
from flexgs.cli.image.app import image_app
from flexgs.options import parse_numbers

CROP = "x0,y0,x1,y1"


@image_app.command()
def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE.fgi", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="PICTURE", help=".png, .jpg or .webp", show_default=False
        ),
    ],
    crop: Annotated[
        str | None,
        typer.Option(metavar=CROP, help="Only these pixels of what is drawn; x1, y1 excluded."),
    ] = None,
    zoom: Annotated[float, typer.Option(help="Pixels drawn for one of the image.")] = 1.0,
    force: args.Force = False,
    threads: args.Threads = None,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Draw FILE.fgi, or a part of it, at any size. Of levels, the start of a file will do."""
    from flexgs.image.files import decode_file, parse_crop

    box = None if crop is None else parse_crop(parse_numbers("--crop", crop, CROP))
    done = decode_file(file, output, crop=box, zoom=zoom, force=force, threads=threads)
    if as_json:
        print_json(done)
    say(
        f"{output}: {done.width}x{done.height}, {done.gaussians:,} Gaussians from "
        f"{done.bytes_read:,} of {done.bytes_total:,} bytes",
        quiet=quiet,
    )
    if done.levels_there < done.levels_total:
        say(f"a preview: {done.levels_there} of {done.levels_total} levels are there", quiet=quiet)

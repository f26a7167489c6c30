# SPDX-License-Identifier: Apache-2.0
"""flexgs image view"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.output import say, serve_page
from flexgs.cli.image.app import image_app


@image_app.command()
def view(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.fgi", help="Of levels or not; a part of one.", show_default=False
        ),
    ],
    original: Annotated[
        Path | None,
        typer.Argument(
            metavar="PICTURE", help="What it was made from, left of a line.", show_default=False
        ),
    ] = None,
    port: args.Port = 0,
    host: args.Host = "127.0.0.1",
    no_browser: args.NoBrowser = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Show FILE.fgi in the browser at any zoom; Ctrl-C ends it."""
    from flexgs.image.pixels import read_picture
    from flexgs.viewer.pictures import load_shown, open_picture_server

    shown = load_shown(file)
    there, total = len(shown.pyramid.levels), shown.pyramid.total
    if there < total:
        say(f"note: a preview: {there} of {total} levels are there", quiet=quiet)
    server = open_picture_server(
        shown, None if original is None else read_picture(original), host, port
    )
    serve_page(server, host, "this image", as_json=as_json, quiet=quiet, no_browser=no_browser)

# SPDX-License-Identifier: Apache-2.0
"""flexgs image view"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.output import print_json, say
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
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="To listen on.", show_default="any that is free")
    ] = 0,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this one open it to a network.")
    ] = "127.0.0.1",
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Show FILE.fgi in the browser at any zoom; Ctrl-C ends it."""
    from flexgs.image.pixels import read_picture
    from flexgs.viewer.pictures import load_shown, open_picture_server
    from flexgs.viewer.server import is_loopback, open_browser, serve

    shown = load_shown(file)
    there, total = len(shown.pyramid.levels), shown.pyramid.total
    if there < total:
        say(f"note: a preview: {there} of {total} levels are there", quiet=quiet)
    server = open_picture_server(
        shown, None if original is None else read_picture(original), host, port
    )
    if not is_loopback(host):
        say(f"warning: who can reach {host} and knows the address can see this image")
    if as_json:
        print_json({"url": server.url})
    else:
        typer.echo(server.url)
    if not no_browser and not open_browser(server.url):
        say("no browser was found: open the address yourself", quiet=quiet)
    say("Ctrl-C ends it", quiet=quiet)
    serve(server)

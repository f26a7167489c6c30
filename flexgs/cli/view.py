# SPDX-License-Identifier: Apache-2.0
"""flexgs view"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.app import app
from flexgs.cli.common.output import print_json, progress, say, serve_page
from flexgs.options import parse_source


@app.command()
def view(
    scene: Annotated[
        Path, typer.Argument(metavar="FILE", help="A scene of any format.", show_default=False)
    ],
    other: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE2", help="Another, right of a line to drag.", show_default=False
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="R.json",
            help="Its numbers and worst view: of compress --report, or of evaluate --json.",
            show_default=False,
        ),
    ] = None,
    cameras: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|none",
            help="cameras.json, transforms.json or a COLMAP folder; none: place some.",
            show_default="found beside the scenes, else placed around the subject",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.html",
            help="Write one self-contained page to send to somebody, and end.",
            show_default=False,
        ),
    ] = None,
    force: args.Force = False,
    port: args.Port = 0,
    host: args.Host = "127.0.0.1",
    no_browser: args.NoBrowser = False,
    as_json: args.AsJson = False,
    quiet: args.Quiet = False,
    debug: args.Debug = False,
) -> None:
    """Show FILE in the browser, or FILE and FILE2 side by side; Ctrl-C ends it."""
    from flexgs.viewer import ensure_html, load_bundle, make_page, write_html

    paths = [scene] if other is None else [scene, other]
    bundle = load_bundle()
    if html is not None:
        ensure_html(html, force, [*paths, *([report] if report else [])])
    with progress(quiet=quiet) as bars:
        page = make_page(paths, report=report, cameras=parse_source(cameras), progress=bars)
    for note in (*(n for each in page.scenes for n in each.notes), *page.stops.notes):
        say(f"note: {note}", quiet=quiet)
    if html is not None:
        for loss in write_html(page, bundle, html):
            say(f"lost: {loss}", quiet=quiet)
        size_bytes = html.stat().st_size
        if as_json:
            print_json({"html": html.name, "size_bytes": size_bytes})
        say(f"{html}: {size_bytes:,} bytes", quiet=quiet)
        return

    from flexgs.viewer.page import page_files
    from flexgs.viewer.server import open_server

    server = open_server(page_files(page, bundle), host, port)
    serve_page(server, host, "these scenes", as_json=as_json, quiet=quiet, no_browser=no_browser)

# SPDX-License-Identifier: Apache-2.0
"""Arguments and options that several commands share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flexgs import options
from flexgs.cli.common.app import DEBUG
from flexgs.options import DEFAULT_REFERENCE_PSNR


def _remember_debug(ctx: typer.Context, wanted: bool) -> bool:
    ctx.meta[DEBUG] = ctx.meta.get(DEBUG, False) or wanted
    return wanted


Scene = Annotated[
    Path, typer.Argument(metavar="SCENE", help="A scene of any format.", show_default=False)
]
SceneOrStream = Annotated[
    Path,
    typer.Argument(
        metavar="SCENE",
        help="A scene of any format. -: standard input.",
        show_default=False,
    ),
]
Origin = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="NAME",
        help="Format of standard input where its content does not say it: splat, ksplat.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what exists.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Machine-readable result on stdout, all else on stderr.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no tables.")]
Debug = Annotated[
    bool,
    typer.Option("--debug", callback=_remember_debug, help="Show the trace of an error."),
]
Device = Annotated[options.Device, typer.Option(help="Where to render.")]
Views = Annotated[
    Literal["report", "search", "scoring", "all"],
    typer.Option(help="Every 8th view is for reports, 4 further on for the search, rest scoring."),
]
Threads = Annotated[int | None, typer.Option(help="CPU threads.", show_default="all cores")]
Cameras = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|none",
        help="cameras.json, transforms.json or a COLMAP folder; none: invent cameras.",
        show_default="found beside the scene, else invented",
    ),
]
Images = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|none",
        help="Photographs of the cameras; none: do not use any.",
        show_default="found beside the cameras",
    ),
]
ReferencePsnr = Annotated[
    float | None,
    typer.Option(
        metavar="DB",
        help="Quality of the original that drops are estimated with where there are no "
        "photographs.",
        show_default=f"{DEFAULT_REFERENCE_PSNR:g} and a margin of 2 dB",
    ),
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="To listen on.", show_default="any that is free")
]
Host = Annotated[
    str, typer.Option(help="Address to listen on; others than this one open it to a network.")
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]

# SPDX-License-Identifier: Apache-2.0
"""Arguments and options of the commands that read a scene and write another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[
    Path,
    typer.Argument(
        metavar="OUT",
        help="The new file; its name says the format. -: standard output.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Format of the output: ply, spz, sog, ...; needed for standard output.",
        show_default="as the name says",
    ),
]
Variant = Annotated[
    str | None,
    typer.Option(
        help="Of the format: version of an .spz, level of a .ksplat, precision of a .sog.",
        show_default="the usual one",
    ),
]
Plain = Annotated[
    bool,
    typer.Option(
        "--plain",
        help="Write an antialiased or flat (2DGS) scene as if it were plain 3DGS, where the "
        "format cannot say what it is.",
    ),
]
DropInvalid = Annotated[
    bool, typer.Option("--drop-invalid", help="Leave out Gaussians with unusable values.")
]

# SPDX-License-Identifier: Apache-2.0
"""The options of `flexgs bench` that no other command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MEASURING, METHODS = "Measuring", "Methods"

TargetPsnrDrop = Annotated[
    list[float] | None,
    typer.Option(
        metavar="DB",
        help="A point of every curve; repeatable.",
        show_default="0.05 0.1 0.3 0.5 1 2",
        rich_help_panel=MEASURING,
    ),
]
MaxSide = Annotated[
    int,
    typer.Option(
        min=16, metavar="PIXELS", help="Larger views are scaled down.", rich_help_panel=MEASURING
    ),
]
LpipsWeights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Weights of LPIPS as .npz (docs/bench.md).",
        show_default="those of torch's cache, if any",
        rich_help_panel=MEASURING,
    ),
]
NoPictures = Annotated[
    bool,
    typer.Option("--no-pictures", help="No crops of views on the page.", rich_help_panel=MEASURING),
]
OnlyReport = Annotated[
    bool,
    typer.Option(
        "--only-report",
        help="Run nothing: tables and page of what is there.",
        rich_help_panel=MEASURING,
    ),
]
Ablate = Annotated[
    bool,
    typer.Option(
        "--ablate",
        help="Instead: switch each part of flexgs off, one at a time.",
        rich_help_panel=MEASURING,
    ),
]
Part = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="With --ablate: only this part, as rd.coder; repeatable.",
        show_default="all",
        rich_help_panel=MEASURING,
    ),
]
Method = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Run this one; repeatable.",
        show_default="all that can be run here",
        rich_help_panel=METHODS,
    ),
]
Effort = Annotated[
    int,
    typer.Option(min=1, max=9, metavar="1..9", help="Of flexgs.", rich_help_panel=METHODS),
]
Peers = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder with node_modules of other tools.",
        show_default="the PATH",
        rich_help_panel=METHODS,
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=1e7,
        metavar="SECONDS",
        help="A command of another tool may take.",
        rich_help_panel=METHODS,
    ),
]

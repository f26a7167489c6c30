# SPDX-License-Identifier: Apache-2.0
"""The options of `flexgs batch`; those of jobs mean what they mean for `compress`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flexgs.options import parse_size

RUN, TARGETS, OPTIONS = "Running", "Targets (repeatable)", "Options of every job"

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="SCENES...",
        help="Scene files, folders of models, globs in quotes, or one manifest (.toml).",
        show_default=False,
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")
]
Data = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Data sets: DIR/<scene>/images[_2|_4], sparse/0; repeatable."),
]
TargetPsnrDrop = Annotated[
    list[float] | None,
    typer.Option(
        metavar="DB", help="Largest drop in PSNR.", show_default="1.0", rich_help_panel=TARGETS
    ),
]
TargetSize = Annotated[
    list[str] | None,
    typer.Option(metavar="SIZE", help="Largest file: 20MB.", rich_help_panel=TARGETS),
]
TargetRatio = Annotated[
    list[float] | None,
    typer.Option(metavar="X", help="At least so many times smaller.", rich_help_panel=TARGETS),
]
TargetPsnr = Annotated[
    list[float] | None,
    typer.Option(metavar="DB", help="Least PSNR of the result.", rich_help_panel=TARGETS),
]
Effort = Annotated[
    int | None,
    typer.Option(min=1, max=9, metavar="1..9", help="How long to work.", rich_help_panel=OPTIONS),
]
Profile = Annotated[
    Literal["auto", "rd", "segment"] | None,
    typer.Option(help="rd (small) or segment (portable).", rich_help_panel=OPTIONS),
]
Format = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of the files: fgs, spz, ...", rich_help_panel=OPTIONS),
]
NoCameras = Annotated[
    Literal["none"] | None, typer.Option(help="Invent all cameras.", rich_help_panel=OPTIONS)
]
NoImages = Annotated[
    Literal["none"] | None, typer.Option(help="Use no photographs.", rich_help_panel=OPTIONS)
]
MaxSide = Annotated[
    int | None,
    typer.Option(
        metavar="PIXELS",
        help="Larger views are scaled down to it.",
        show_default="1600, as in the field's tables",
        rich_help_panel=OPTIONS,
    ),
]
ReportViews = Annotated[
    str | None,
    typer.Option(
        metavar="all|none|N",
        help="Test views to measure.",
        show_default="all: every 8th view",
        rich_help_panel=OPTIONS,
    ),
]
BestEffort = Annotated[
    bool,
    typer.Option(
        "--best-effort",
        help="Write the nearest when a target is missed.",
        rich_help_panel=OPTIONS,
    ),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"] | None,
    typer.Option(help="Where to render.", rich_help_panel=OPTIONS),
]
Jobs = Annotated[
    int,
    typer.Option(
        min=0,
        max=1024,
        metavar="N",
        help="Processes at a time; 0: in this one.",
        rich_help_panel=RUN,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=4096,
        metavar="N",
        help="CPU threads of a job.",
        show_default="cores / jobs",
        rich_help_panel=RUN,
    ),
]
MaxMemory = Annotated[
    int | None,
    typer.Option(
        parser=parse_size,
        metavar="SIZE",
        help="Jobs that run at a time need no more together, by estimate.",
        show_default="80 % of the machine's",
        rich_help_panel=RUN,
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="auto|ADDRESS",
        help=r"Run on a Ray cluster instead (needs flexgs\[cluster]).",
        rich_help_panel=RUN,
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Run jobs that are done, too.", rich_help_panel=RUN)
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the plan, run nothing.", rich_help_panel=RUN)
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Take a folder that holds other things.", rich_help_panel=RUN),
]

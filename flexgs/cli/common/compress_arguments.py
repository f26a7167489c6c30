# SPDX-License-Identifier: Apache-2.0
"""The options of `flexgs compress`; names and meanings are those of `CompressOptions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flexgs.options import parse_size

TARGET, SEARCH = "Target (at most one)", "Search"
BLOCKS = "Scenes too big for the memory (docs/blocks.md)"
RD, SEGMENT = "rd profile (the small one, the default)", "segment profile (any of these means it)"

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file: .fgs, or .spz, .sog, ... for viewers. -: standard output.",
        show_default="SCENE.fgs, or - for -",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|auto",
        help="Format of the file; auto: the smallest that viewers read, its suffix put behind "
        "the --output.",
        show_default="as -o says, else fgs",
    ),
]
TargetPsnrDrop = Annotated[
    float | None,
    typer.Option(
        metavar="DB", help="Largest drop in PSNR.", show_default="1.0", rich_help_panel=TARGET
    ),
]
TargetSize = Annotated[
    int | None,
    typer.Option(
        parser=parse_size, metavar="SIZE", help="Largest file: 20MB.", rich_help_panel=TARGET
    ),
]
TargetRatio = Annotated[
    float | None,
    typer.Option(metavar="X", help="At least so many times smaller.", rich_help_panel=TARGET),
]
TargetPsnr = Annotated[
    float | None,
    typer.Option(metavar="DB", help="Least PSNR of the result.", rich_help_panel=TARGET),
]
PruningRate = Annotated[
    float | None,
    typer.Option(metavar="0..1", help="Share of Gaussians to remove.", rich_help_panel=SEARCH),
]
ShRate = Annotated[
    float | None,
    typer.Option(
        metavar="0..1", help="Share of the rest that loses its SH.", rich_help_panel=SEGMENT
    ),
]
Score = Annotated[
    str,
    typer.Option(
        help="What ranks Gaussians: removal, fisher, seed-fisher, blend-weight, coverage.",
        rich_help_panel=SEGMENT,
    ),
]
MaxEvaluations = Annotated[
    int, typer.Option(metavar="N", help="Settings to try.", rich_help_panel=SEARCH)
]
TimeBudget = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="End the search in time.", rich_help_panel=SEARCH),
]
BestEffort = Annotated[
    bool,
    typer.Option(
        "--best-effort",
        help="Write the nearest when the target is missed.",
        rich_help_panel=SEARCH,
    ),
]
Profile = Annotated[
    Literal["auto", "rd", "segment"],
    typer.Option(
        help="rd (small), segment (portable), or auto: rd, unless an option means segment.",
        rich_help_panel=SEARCH,
    ),
]
Effort = Annotated[
    int,
    typer.Option(
        min=1,
        max=9,
        metavar="1..9",
        help="How long to work, from seconds to everything (docs/cli.md).",
        rich_help_panel=RD,
    ),
]
Repair = Annotated[
    int | None,
    typer.Option(
        metavar="PASSES",
        help="Passes of repair after the last removal; 0: no repair at all.",
        rich_help_panel=RD,
    ),
]
Refine = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Remove and repair for so long on top.",
        rich_help_panel=RD,
    ),
]
Segments = Annotated[
    int, typer.Option(metavar="N", help="Quantisation segments.", rich_help_panel=SEGMENT)
]
Bits = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GROUP=BITS,...",
        help="As in means=16,sh=4; groups: means, log_scales, quats, opacity_logits, dc, sh.",
        show_default="16 for means, 4 for sh, else 8",
        rich_help_panel=SEGMENT,
    ),
]
Codec = Annotated[
    str,
    typer.Option(help="auto, zlib, zstd, lzma, brotli or raw.", rich_help_panel=SEGMENT),
]
Level = Annotated[
    int | None, typer.Option(metavar="N", help="Effort of the codec.", rich_help_panel=SEGMENT)
]
ReportViews = Annotated[
    str, typer.Option(metavar="all|none|N", help="Views that the report measures.")
]
MaxSide = Annotated[
    int | None,
    typer.Option(
        metavar="PIXELS",
        help="Scale larger views and their photographs down to so many pixels a side.",
    ),
]
MaxMemory = Annotated[
    int | None,
    typer.Option(
        parser=parse_size,
        metavar="SIZE",
        help="Compress a .ply block by block, in at most so much memory: 2GB.",
        rich_help_panel=BLOCKS,
    ),
]
Blocks = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Cut it into so many blocks at least.",
        show_default="as few as the memory lets",
        rich_help_panel=BLOCKS,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        min=1,
        max=1024,
        metavar="N",
        help="Blocks at a time, each in a process, as the memory lets them.",
        rich_help_panel=BLOCKS,
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="auto|ADDRESS",
        help=r"Work on blocks on a Ray cluster (needs flexgs\[cluster]).",
        rich_help_panel=BLOCKS,
    ),
]
DropInvalid = Annotated[bool, typer.Option("--drop-invalid", help="Leave out rows with NaN.")]
Reports = Annotated[
    list[Path] | None,
    typer.Option("--report", metavar="FILE.json|FILE.html", help="Write a report; repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Search and show, but write no scene.")]

# SPDX-License-Identifier: Apache-2.0
"""flexgs image info"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flexgs.cli.common import arguments as args
from flexgs.cli.common.output import print_json, show
from flexgs.cli.image.app import image_app


@image_app.command()
def info(
    file: Annotated[Path, typer.Argument(metavar="FILE.fgi", show_default=False)],
    as_json: args.AsJson = False,
    debug: args.Debug = False,
) -> None:
    """Show what FILE.fgi holds. All of it is decoded and checked."""
    from rich.table import Table

    from flexgs.image.facts import image_facts

    facts = image_facts(file)
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(
            name.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value)
        )
    show(table)

# SPDX-License-Identifier: Apache-2.0
"""What a command did to a scene, as JSON and as lines on stderr."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flexgs.cli.common.output import print_json, say
from flexgs.cli.common.streams import shown

if TYPE_CHECKING:
    from flexgs.editing import Edited


def say_outcome(
    notes: Iterable[object], losses: Iterable[object], summary: str, quiet: bool
) -> None:
    """What was odd, what was lost, what there is now."""
    for note in notes:
        say(f"note: {note}", quiet=quiet)
    for loss in losses:
        say(f"lost: {loss}", quiet=quiet)
    say(summary, quiet=quiet)


def show_edit(done: Edited, output: Path, *, as_json: bool, quiet: bool) -> None:
    """The outcome of merge, crop or transform."""
    splats = done.splats
    if as_json:
        print_json(
            {
                "sources": done.sources,
                "gaussians": splats.n,
                "sh_degree": splats.degree,
                "output_format": done.output_format,
                "output_bytes": done.output_bytes,
                "notes": done.notes,
                "losses": done.losses,
            }
        )
    before = sum(source.gaussians for source in done.sources)
    summary = (
        f"{shown(output)}: {splats.n:,} of {before:,} Gaussians, SH degree {splats.degree}, "
        f"{done.output_bytes:,} bytes"
    )
    say_outcome(done.notes, done.losses, summary, quiet)

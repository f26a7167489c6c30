# SPDX-License-Identifier: Apache-2.0
"""The command line: one file a command, no logic of its own, heavy imports inside the commands."""

from flexgs.cli import (
    batch,
    compress,
    convert,
    decompress,
    evaluate,
    image,
    info,
    render,
    score,
    verify,
    view,
)
from flexgs.cli.benching import bench
from flexgs.cli.common.app import app
from flexgs.cli.editing import crop, inspect, merge, transform

__all__ = [
    "app",
    "batch",
    "bench",
    "compress",
    "convert",
    "crop",
    "decompress",
    "evaluate",
    "image",
    "info",
    "inspect",
    "main",
    "merge",
    "render",
    "score",
    "transform",
    "verify",
    "view",
]


def main() -> None:
    """Runs the command line of this process; ends it with a documented exit code."""
    app(prog_name="flexgs")

# SPDX-License-Identifier: Apache-2.0
"""The group of commands `flexgs image`."""

from __future__ import annotations

import typer

from flexgs.cli.common.app import app

image_app = typer.Typer(
    help="Pictures as 2D Gaussians: .fgi files.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(image_app, name="image")

# SPDX-License-Identifier: Apache-2.0
"""docs/cli.md speaks of the commands, options and exit codes that there are."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from flexgs import errors
from flexgs.cli import app
from flexgs.cli.common.app import INTERRUPTED

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
GROUP = typer.main.get_group(app)


def test_every_command_is_there() -> None:
    assert set(re.findall(r"^    flexgs (\w+)", TEXT, flags=re.MULTILINE)) == set(GROUP.commands)


def test_every_option_it_names_exists() -> None:
    parameters = [*GROUP.params, *(p for c in GROUP.commands.values() for p in c.params)]
    known = {
        "--help",
        "--install-completion",
        *(name for parameter in parameters for name in parameter.opts),
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert len(named) > 15
    assert named <= known


def test_every_target_is_there() -> None:
    options = {name for parameter in GROUP.commands["compress"].params for name in parameter.opts}
    targets = {name for name in options if name.startswith("--target-")}
    assert set(re.findall(r"^\| `(--target-[a-z-]+)", TEXT, flags=re.MULTILINE)) == targets


def test_the_exit_codes_are_those_of_the_errors() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.FlexgsError)}
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, flags=re.MULTILINE)}
    assert documented == codes | {0, INTERRUPTED}

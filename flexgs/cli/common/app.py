# SPDX-License-Identifier: Apache-2.0
"""The `flexgs` command and what all its commands share: exit codes, errors, --debug."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from flexgs import __version__
from flexgs.errors import FlexgsError, SearchError

DEBUG = "flexgs.debug"  # key in the context shared by all commands of a call
TARGET_MISSED = SearchError.exit_code
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class SafeGroup(TyperGroup):
    """Runs a command; what goes wrong ends in a short message and a documented exit code."""

    def invoke(self, ctx: Any) -> Any:
        """As click has it, but for `FlexgsError`, Ctrl-C, closed pipes and errors of our own."""
        try:
            return super().invoke(ctx)
        except FlexgsError as error:
            _end(ctx, str(error), error.exit_code)
        except KeyboardInterrupt:
            _end(ctx, "interrupted; no file is left half-written", INTERRUPTED)
        except BrokenPipeError:  # the reader of our output has gone, as `| head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except MemoryError:
            _end(ctx, "out of memory", FlexgsError.exit_code)
        except OSError as error:  # a full disk behind stdout, most likely
            _end(ctx, f"the system refused: {error}", FlexgsError.exit_code)
        except Exception as error:
            # What has an exit code is click's own: a wrong option, --help, --version.
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort):
                raise
            text = f"an error of flexgs itself, please report it: {type(error).__name__}: {error}"
            _end(ctx, f"{text}\n--debug shows the trace", FlexgsError.exit_code)


def _end(ctx: Any, message: str, exit_code: int) -> NoReturn:
    if ctx.meta.get(DEBUG):
        traceback.print_exc()
    typer.echo(f"flexgs: {message}", err=True)
    sys.exit(exit_code)


app = typer.Typer(
    name="flexgs",
    cls=SafeGroup,
    help="Make trained 3D Gaussian Splatting scenes small, to a quality you name.",
    epilog="Exit codes: 0 done, 1 failure, 2 wrong usage, 3 bad file, 4 target not reached, "
    "130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flexgs {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
) -> None:
    """Options before the command."""
    ctx.meta[DEBUG] = debug

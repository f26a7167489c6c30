# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is made of: methods, the points of their curves, how they are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from flexgs.batch import BatchScene
from flexgs.errors import FlexgsError
from flexgs.options import CompressOptions, Device

Kind = Literal["flexgs", "tool", "re-implementation"]
Command = tuple[str, ...]
DROPS = (0.05, 0.1, 0.3, 0.5, 1.0, 2.0)  # dB
TOOL_LIMIT_S = 600.0


class CommandFailed(FlexgsError):
    """A method's command ended badly, or wrote no file."""


class TimedOut(CommandFailed):
    """A method's command took longer than it may: a result like any other."""


@dataclass(frozen=True)
class Setup:
    """How all methods are run."""

    drops: tuple[float, ...] = DROPS
    effort: int = CompressOptions.effort
    threads: int | None = None  # None: all cores
    device: Device = "auto"
    max_side: int = 1600  # pixels of a view
    peers: Path | None = None  # folder that holds node_modules
    limit_s: float = TOOL_LIMIT_S  # a command of another tool may take


@dataclass(frozen=True)
class Point:
    """A place on a method's curve: a target, or one of its own settings."""

    name: str  # letters, digits, . _ + -
    words: str
    target_db: float | None = None  # on the search views; None: the method has no such target
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Files of one run of a method. `folder` is for what it needs in between."""

    scene: BatchScene
    encoded: Path
    decoded: Path  # a .ply
    folder: Path


class Method(Protocol):
    """A way of making scenes small, as command lines."""

    @property
    def name(self) -> str:
        """On the command line, in tables and names of files."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def kind(self) -> Kind:
        """Whose it is."""

    @property
    def suffix(self) -> str:
        """Of its files; empty for a folder."""

    @property
    def exit_codes(self) -> tuple[int, ...]:
        """Those of an encoder that wrote its file."""

    def unavailable(self, setup: Setup) -> str | None:
        """Why it cannot be run here; None where it can."""

    def version(self, setup: Setup) -> str:
        """Of the program."""

    def points(self, setup: Setup) -> Sequence[Point]:
        """Of its curve."""

    def encode(self, point: Point, place: Place, setup: Setup) -> Sequence[Command]:
        """From the scene to `place.encoded`, one command after the other."""

    def decode(self, place: Place, setup: Setup) -> Sequence[Command]:
        """From `place.encoded` to `place.decoded`."""

    def evaluations(self, stdout: str) -> int | None:
        """How many files its search looked at, from what the last encoder's command said."""


def drop_points(setup: Setup) -> tuple[Point, ...]:
    """A point for every target.

    >>> [p.name for p in drop_points(Setup(drops=(0.05, 1.0)))]
    ['drop-0.05', 'drop-1']
    """
    return tuple(
        Point(f"drop-{db:g}", f"at most {db:g} dB", db, ("--target-psnr-drop", f"{db:g}"))
        for db in setup.drops
    )

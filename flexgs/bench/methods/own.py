# SPDX-License-Identifier: Apache-2.0
"""flexgs itself, by its command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from flexgs import __version__
from flexgs.bench.model import Command, Kind, Place, Point, Setup, drop_points
from flexgs.errors import SearchError

FLEXGS = (sys.executable, "-m", "flexgs")


@dataclass(frozen=True)
class Flexgs:
    """`flexgs compress` to every target, with further options."""

    name: str
    title: str
    options: tuple[str, ...] = ()
    has_effort: bool = True
    kind: Kind = "flexgs"
    suffix: str = ".fgs"
    exit_codes: tuple[int, ...] = (0, SearchError.exit_code)  # with the nearest file

    def unavailable(self, setup: Setup) -> str | None:
        """It is always there."""
        return None

    def version(self, setup: Setup) -> str:
        """Of this package."""
        return __version__

    def points(self, setup: Setup) -> Sequence[Point]:
        """One for every target."""
        return drop_points(setup)

    def encode(self, point: Point, place: Place, setup: Setup) -> Sequence[Command]:
        """One `flexgs compress`."""
        command = [*FLEXGS, "compress", str(place.scene.path), "-o", str(place.encoded)]
        effort = ["--effort", str(setup.effort)] if self.has_effort else []
        command += [*point.options, "--best-effort", *effort]
        command += [*view_options(place, setup, self.options), "--report-views", "none"]
        command += [*run_options(setup), "--json", "--quiet", "--force"]
        return (tuple(command),)

    def decode(self, place: Place, setup: Setup) -> Sequence[Command]:
        """One `flexgs decompress`."""
        paths = (str(place.encoded), "-o", str(place.decoded))
        return ((*FLEXGS, "decompress", *paths, "--quiet", "--force"),)

    def evaluations(self, stdout: str) -> int | None:
        """Of the search, from the report."""
        return count_evaluations(stdout)


def view_options(place: Place, setup: Setup, further: Sequence[str] = ()) -> list[str]:
    """Where cameras and photographs are, unless `further` options say so; those, too."""
    options = [*further, "--max-side", str(setup.max_side)]
    for name, source in (("--cameras", place.scene.cameras), ("--images", place.scene.images)):
        if source is not None and name not in further:
            options += [name, str(source)]
    return options


def run_options(setup: Setup) -> list[str]:
    """Where to compute."""
    threads = [] if setup.threads is None else ["--threads", str(setup.threads)]
    return ["--device", setup.device, *threads]


def count_evaluations(stdout: str) -> int | None:
    """Of a report: how many files the search looked at; None where it does not say."""
    try:
        report = json.loads(stdout)
    except ValueError:
        return None
    search = report.get("search") if isinstance(report, dict) else None
    return len(search) if isinstance(search, list) else None

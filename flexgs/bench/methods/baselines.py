# SPDX-License-Identifier: Apache-2.0
"""Methods of papers, written again from their descriptions (`flexgs.bench.baselines`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from flexgs import __version__
from flexgs.bench.methods.own import run_options, view_options
from flexgs.bench.model import Command, Kind, Place, Point, Setup, drop_points
from flexgs.errors import SearchError

BASELINES = (sys.executable, "-m", "flexgs.bench.baselines")


@dataclass(frozen=True)
class Baseline:
    """A method that has a search of its own for a target."""

    name: str
    title: str
    kind: Kind = "re-implementation"
    suffix: str = ".npz"
    exit_codes: tuple[int, ...] = (0, SearchError.exit_code)  # with the nearest file

    def unavailable(self, setup: Setup) -> str | None:
        """It is always there."""
        return None

    def version(self, setup: Setup) -> str:
        """Of this package, where its code is."""
        return f"re-implemented in flexgs {__version__}"

    def points(self, setup: Setup) -> Sequence[Point]:
        """One for every target."""
        return drop_points(setup)

    def encode(self, point: Point, place: Place, setup: Setup) -> Sequence[Command]:
        """One command."""
        command = [*BASELINES, self.name, "compress", str(place.scene.path)]
        command += ["-o", str(place.encoded), *point.options, *view_options(place, setup)]
        command += [*run_options(setup), "--best-effort", "--json", "--quiet", "--force"]
        return (tuple(command),)

    def decode(self, place: Place, setup: Setup) -> Sequence[Command]:
        """One command."""
        paths = (str(place.encoded), "-o", str(place.decoded))
        return ((*BASELINES, self.name, "decompress", *paths, "--force"),)

    def evaluations(self, stdout: str) -> int | None:
        """As it says."""
        try:
            told = json.loads(stdout)
        except ValueError:
            return None
        count = told.get("evaluations") if isinstance(told, dict) else None
        return count if isinstance(count, int) else None

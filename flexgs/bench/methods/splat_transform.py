# SPDX-License-Identifier: Apache-2.0
"""splat-transform of PlayCanvas (MIT), on node: formats of viewers, as other software writes them.

It has no target. Its own settings make a curve: SH degrees, and shares of the Gaussians that its
merging leaves. Its GPU is left aside: all methods are measured on the same processor.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flexgs.bench.model import Command, Kind, Place, Point, Setup
from flexgs.errors import FlexgsError
from flexgs.io.files import read_limited

PACKAGE = Path("node_modules", "@playcanvas", "splat-transform")
DEGREES = (3, 2, 1, 0)
SHARES = (75, 50, 25)  # per cent of the Gaussians


@dataclass(frozen=True)
class SplatTransform:
    """One format."""

    name: str
    title: str
    suffix: str
    kind: Kind = "tool"
    exit_codes: tuple[int, ...] = (0,)

    def unavailable(self, setup: Setup) -> str | None:
        """It needs node and the package."""
        if shutil.which("node") is None:
            return "node is not installed"
        if _program(setup) is None:
            return "splat-transform is neither in --peers/node_modules nor on the PATH"
        return None

    def version(self, setup: Setup) -> str:
        """As its package says."""
        program = _program(setup)
        if program is None:
            return ""
        try:
            package = json.loads(read_limited(program.parents[1] / "package.json", 1 << 20))
        except (FlexgsError, ValueError):
            return "unknown"
        return str(package.get("version", "unknown")) if isinstance(package, dict) else "unknown"

    def points(self, setup: Setup) -> Sequence[Point]:
        """Every SH degree with all Gaussians, then fewer of them with full SH."""
        degrees = [
            Point(f"sh-{degree}", f"SH degree {degree}", options=("-H", str(degree)))
            for degree in DEGREES
        ]
        shares = [
            Point(f"left-{share}", f"{share} % of the Gaussians", options=("-d", f"{share}%"))
            for share in SHARES
        ]
        return (*degrees, *shares)

    def encode(self, point: Point, place: Place, setup: Setup) -> Sequence[Command]:
        """To the format; by way of a .ply where Gaussians are merged, which it insists on."""
        run = ("node", str(_program(setup)), "-w", "-q", "-g", "cpu")
        source, encoded = str(place.scene.path), str(place.encoded)
        if point.options[0] == "-d":
            merged = str(place.folder / "merged.ply")
            return (*run, source, *point.options, merged), (*run, merged, encoded)
        return ((*run, source, *point.options, encoded),)

    def decode(self, place: Place, setup: Setup) -> Sequence[Command]:
        """Back to a .ply."""
        run = ("node", str(_program(setup)), "-w", "-q", "-g", "cpu")
        return ((*run, str(place.encoded), str(place.decoded)),)

    def evaluations(self, stdout: str) -> int | None:
        """Nothing is searched."""
        return None


def _program(setup: Setup) -> Path | None:
    """bin/cli.mjs of the package."""
    if setup.peers is not None:
        program = setup.peers / PACKAGE / "bin" / "cli.mjs"
    else:
        program = Path(shutil.which("splat-transform") or "none").resolve()  # a link to it
    return program if program.suffix == ".mjs" and program.is_file() else None

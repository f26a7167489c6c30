# SPDX-License-Identifier: Apache-2.0
"""The PNG codec of gsplat (Apache-2.0): sorted pictures of 8 and 16 bits, a palette of SH. CUDA."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from flexgs.bench.model import Command, Kind, Place, Point, Setup

PACKAGES = ("torch", "gsplat", "plas", "torchpq", "imageio")
CODEC = (sys.executable, "-m", "flexgs.bench.methods.gsplat_codec")


@dataclass(frozen=True)
class GsplatPng:
    """Its only setting."""

    name: str
    title: str
    kind: Kind = "tool"
    suffix: str = ""
    exit_codes: tuple[int, ...] = (0,)

    def unavailable(self, setup: Setup) -> str | None:
        """Its k-means runs on CUDA, and needs packages that gsplat does not bring."""
        missing = [name for name in PACKAGES if find_spec(name) is None]
        if missing:
            return f"not installed: {', '.join(missing)}"
        import torch

        return None if torch.cuda.is_available() else "no CUDA device"

    def version(self, setup: Setup) -> str:
        """Of gsplat."""
        try:
            return version("gsplat")
        except PackageNotFoundError:
            return ""

    def points(self, setup: Setup) -> Sequence[Point]:
        """There is nothing to set."""
        return (Point("default", "its default"),)

    def encode(self, point: Point, place: Place, setup: Setup) -> Sequence[Command]:
        """To a folder of pictures."""
        return ((*CODEC, "encode", str(place.scene.path), str(place.encoded)),)

    def decode(self, place: Place, setup: Setup) -> Sequence[Command]:
        """To a .ply."""
        return ((*CODEC, "decode", str(place.encoded), str(place.decoded)),)

    def evaluations(self, stdout: str) -> int | None:
        """Nothing is searched."""
        return None

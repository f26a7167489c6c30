# SPDX-License-Identifier: Apache-2.0
"""What can be asked of an encoding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from flexgs.errors import UsageError

Preset = Literal["fast", "balanced", "high", "ultra"]
TargetKind = Literal["psnr", "bpp", "size", "count"]
DEFAULT_PSNR = 30.0  # dB, where nothing is asked for
MAX_COUNT = 2_000_000


@dataclass(frozen=True)
class Effort:
    """How much work goes into an encoding."""

    steps: int  # of each fit
    sweeps: int  # over all integers, at the first quality
    more_sweeps: int  # at each further quality
    fits: int  # at most, to come near a target


EFFORTS: dict[Preset, Effort] = {
    "fast": Effort(150, 4, 1, 2),
    "balanced": Effort(500, 8, 2, 2),
    "high": Effort(1500, 12, 3, 3),
    "ultra": Effort(5000, 20, 4, 3),
}


@dataclass(frozen=True)
class EncodeOptions:
    """Options of `encode_picture`. At most one target; none means a PSNR of 30 dB.

    Raises:
        UsageError: a value is out of range, or there is more than one target.

    >>> EncodeOptions(target_bpp=0.3).target
    ('bpp', 0.3)
    >>> EncodeOptions().target
    ('psnr', 30.0)
    """

    target_psnr: float | None = None  # dB
    target_bpp: float | None = None  # bits a pixel, of the whole file
    target_size: int | None = None  # bytes
    count: int | None = None  # Gaussians, at most
    preset: Preset = "balanced"
    steps: int | None = None  # of each fit; None: the preset's
    quantise_training: bool = True
    best_effort: bool = False
    tile: int | None = None  # pixels a side; None: one chunk
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        if len(self._targets()) > 1:
            raise UsageError(
                "only one target can be given",
                expected="one",
                found=" and ".join(name for name, _ in self._targets()),
            )
        if self.preset not in EFFORTS:
            raise UsageError("no such preset", expected=", ".join(EFFORTS), found=repr(self.preset))
        bounds = {
            "target_psnr": (1.0, 99.0),
            "target_bpp": (1e-4, 96.0),
            "target_size": (20, 2**40),
            "count": (1, MAX_COUNT),
            "steps": (1, 1_000_000),
            "threads": (1, 4096),
            "seed": (0, 2**32 - 1),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise UsageError(
                    f"{name.replace('_', ' ')} is out of range",
                    expected=f"{low:g} to {high:g}",
                    found=value,
                )
        if self.tile is not None and self.tile not in (32, 64, 128, 256, 512, 1024):
            raise UsageError("not a size of tiles", expected="32 to 1024, a power of two")

    def _targets(self) -> list[tuple[TargetKind, float]]:
        wishes: list[tuple[TargetKind, float | None]] = [
            ("psnr", self.target_psnr),
            ("bpp", self.target_bpp),
            ("size", self.target_size),
            ("count", self.count),
        ]
        return [(kind, value) for kind, value in wishes if value is not None]

    @property
    def target(self) -> tuple[TargetKind, float]:
        """What is asked for, and how much of it."""
        return (self._targets() or [("psnr", DEFAULT_PSNR)])[0]

    @property
    def effort(self) -> Effort:
        """The preset's, with the steps that were asked for."""
        effort = EFFORTS[self.preset]
        if self.steps is None:
            return effort
        return Effort(self.steps, effort.sweeps, effort.more_sweeps, effort.fits)

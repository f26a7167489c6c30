# SPDX-License-Identifier: Apache-2.0
"""What a baseline is, what it is given, and what it hands back."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flexgs.core import Camera, Splats
from flexgs.errors import Corrupt, TooLarge
from flexgs.io.validate import broken_rules, clamp_splats
from flexgs.limits import DEFAULT_LIMITS
from flexgs.progress import Progress
from flexgs.render import Renderer

Setting = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Job:
    """One scene to compress, and what is known of it."""

    splats: Splats  # at least one
    renderer: Renderer
    scoring: tuple[Camera, ...]  # the views that scores are from
    progress: Progress


@dataclass(frozen=True, eq=False)
class Encoded:
    """A complete file."""

    data: bytes
    parts: Mapping[str, int]  # bytes of each stream in it, without the container


@dataclass(frozen=True, eq=False)
class Measured:
    """A complete file, and what decodes from it."""

    encoded: Encoded
    drop_db: float  # mean over the search views
    gaussians: int


@dataclass(frozen=True)
class Trial:
    """One setting that was encoded, decoded and measured."""

    setting: Setting
    size_bytes: int
    drop_db: float
    gaussians: int  # in the file
    met: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """The file found, and how."""

    encoded: Encoded
    trial: Trial  # its own
    trials: tuple[Trial, ...]  # in the order they were made


class Trials:
    """Measures settings, and remembers the file to keep.

    That is the last one that met the target, else the one with the smallest drop.
    """

    def __init__(self, measure: Callable[[Setting], Measured], target_db: float | None) -> None:
        self.target_db = target_db  # None: the setting is given, all is met
        self._measure = measure
        self._kept: tuple[Encoded, Trial] | None = None
        self._log: list[Trial] = []

    def __call__(self, setting: Setting) -> Trial:
        """One trial."""
        started = time.perf_counter()
        found = self._measure(setting)
        trial = Trial(
            setting=dict(setting),
            size_bytes=len(found.encoded.data),
            drop_db=found.drop_db,
            gaussians=found.gaussians,
            met=self.target_db is None or found.drop_db <= self.target_db,
            seconds=time.perf_counter() - started,
        )
        self._log.append(trial)
        kept = None if self._kept is None else self._kept[1]
        if kept is None or trial.met or (not kept.met and trial.drop_db < kept.drop_db):
            self._kept = (found.encoded, trial)
        return trial

    def outcome(self) -> Outcome:
        """What came of the trials so far; there must have been one."""
        if self._kept is None:
            raise ValueError("nothing was tried")
        return Outcome(*self._kept, tuple(self._log))


@dataclass(frozen=True)
class Baseline:
    """A published method. The namespace holds its own options, parsed from the command line."""

    name: str
    source: str
    add_options: Callable[[argparse.ArgumentParser], None]
    is_fixed: Callable[[argparse.Namespace], bool]  # nothing is left to search
    prepare: Callable[[Job, argparse.Namespace], Callable[[Setting], Encoded]]
    search: Callable[[Trials, argparse.Namespace], None]
    decode: Callable[[bytes], Splats]  # raises FormatError


def require_bounded(n: int, k: int, data: bytes) -> None:
    """Checks, before anything of that size is made, what a file claims to hold.

    Raises:
        TooLarge: so many Gaussians of so many SH coefficients are beyond the limits.
    """
    raw = 4 * n * (11 + 3 * k)
    limits = DEFAULT_LIMITS
    if n > limits.max_gaussians or raw > min(limits.max_raw_bytes, limits.max_ratio * len(data)):
        raise TooLarge("the file claims too many Gaussians", section="head", found=n)


def require_legal(splats: Splats) -> Splats:
    """What a file decodes to, if it can be Gaussians.

    Raises:
        Corrupt: numbers are out of range or not finite.
    """
    splats, _ = clamp_splats(splats)
    for rule in broken_rules(splats):
        raise Corrupt(
            f"{rule.field} of {int(rule.broken.sum())} Gaussians are not usable",
            section=rule.field,
            expected=rule.law,
        )
    return splats

# SPDX-License-Identifier: Apache-2.0
"""What a report says, as plain data. The pipeline fills it; JSON, HTML and the terminal show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.quality import Quality

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SceneFacts:
    """A scene as a file, before or after. `name` is a file name, never a whole path."""

    name: str
    size_bytes: int
    gaussians: int
    sh_degree: int
    notes: tuple[str, ...] = ()  # what was odd about it and how that was handled


@dataclass(frozen=True)
class TargetFacts:
    """What was asked for, and whether it holds on the views that the search measured on."""

    kind: str  # psnr_drop | size | ratio | psnr
    value: float  # dB, bytes or a ratio
    reached: bool
    limit_drop_db: float | None = None  # the drop it stands for
    limit_bytes: int | None = None  # the size it stands for


@dataclass(frozen=True)
class SearchStep:
    """One setting that the search built and measured."""

    number: int
    pruning_rate: float
    sh_rate: float
    size_bytes: int
    drop_db: float
    seconds: float
    stage: str
    accepted: bool
    strength: float = 0.0  # rd profile: squared error worth one bit
    predicted_db: float | None = None  # rd profile: the drop expected from other views


@dataclass(frozen=True)
class RepairRound:
    """One round of removal and repair."""

    gaussians: int  # left after it
    drop_db: float  # on the monitor views, before its removal


@dataclass(frozen=True)
class RepairFacts:
    """What repair bought, measured on views that repair did not look at."""

    unrepaired_drop_db: float  # of the same Gaussians with their original parameters
    repaired_drop_db: float
    rounds: tuple[RepairRound, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """One view before and after, for the HTML page."""

    label: str  # why it is shown: "worst view"
    name: str
    drop_db: float
    original: F32  # (h, w, 3)
    compressed: F32  # (h, w, 3)


@dataclass(frozen=True, eq=False)
class Report:
    """A compression: what went in, what came out, what it cost, how it was found."""

    source: SceneFacts
    output: SceneFacts
    profile: str
    pruning_rate: float
    sh_rate: float
    target: TargetFacts | None = None  # None: the setting was given
    plan: Mapping[str, Any] = field(default_factory=dict)  # JSON values
    report_quality: Quality | None = None  # of the file as decoded, on views used for nothing else
    search_quality: Quality | None = None  # of the same, on the views the search measured on
    repair: RepairFacts | None = None  # rd profile
    search: tuple[SearchStep, ...] = ()
    search_stopped: str | None = None
    bytes_by_attribute: Mapping[str, int] = field(default_factory=dict)
    seconds_by_stage: Mapping[str, float] = field(default_factory=dict)
    peak_memory_bytes: int | None = None
    renderer: str | None = None
    cameras: str = "none"  # where the views come from
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def ratio(self) -> float:
        """Bytes of the original file for every byte of the result."""
        return self.source.size_bytes / self.output.size_bytes

    @property
    def bits_by_attribute(self) -> dict[str, float]:
        """Bits of the file for every Gaussian in it, by attribute; empty without Gaussians."""
        n = self.output.gaussians
        return {name: 8 * size / n for name, size in self.bytes_by_attribute.items()} if n else {}


def views_to_picture(quality: Quality) -> tuple[tuple[str, str], ...]:
    """(label, view name) of the views worth showing: the worst and the median one."""
    ordered = quality.by_drop()
    worst, median = ordered[0].name, ordered[len(ordered) // 2].name
    if worst == median:
        return (("worst view", worst),)
    return (("worst view", worst), ("median view", median))


def format_bytes(count: float) -> str:
    """Bytes as people read them; MB is 10^6.

    >>> format_bytes(3_468_000), format_bytes(12_345), format_bytes(17)
    ('3.468 MB', '12.3 kB', '17 B')
    """
    if count >= 1e6:
        return f"{count / 1e6:.3f} MB"
    return f"{count / 1e3:.1f} kB" if count >= 1e3 else f"{count:.0f} B"


def describe_target(target: TargetFacts | None) -> str:
    """One phrase.

    >>> describe_target(TargetFacts("ratio", 20.0, True))
    'ratio of at least 20'
    """
    if target is None:
        return "none (the setting was given)"
    if target.kind == "size":
        return f"at most {format_bytes(target.value)}"
    if target.kind == "ratio":
        return f"ratio of at least {target.value:g}"
    if target.kind == "psnr":
        return f"PSNR of at least {target.value:g} dB"
    return f"PSNR drop of at most {target.value:g} dB"

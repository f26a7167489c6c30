# SPDX-License-Identifier: Apache-2.0
"""What an inspection finds, as plain values; docs/inspect.md has their meaning as JSON."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from flexgs.io.formats.losses import Loss

VERSION = 1  # of the meaning of the keys; new keys and codes do not raise it

Severity = Literal["error", "warning", "info"]
Code = Literal[
    "activated",
    "axes",
    "clamped",
    "coarse-positions",
    "column-types",
    "dead",
    "duplicates",
    "empty",
    "empty-sh",
    "encoding",
    "extra-columns",
    "far",
    "huge",
    "infinite",
    "nan",
    "needles",
    "out-of-range",
    "quaternion-length",
    "reader",
    "tiny",
]


@dataclass(frozen=True)
class Finding:
    """One thing to know about a scene. The code stays the same for ever, the words may not."""

    severity: Severity
    code: Code
    what: str
    count: int = 0  # Gaussians it is true of; 0 where it is about the whole
    rows: tuple[int, ...] = ()  # the first of them, as the file is read
    field: str | None = None
    hint: str | None = None


@dataclass(frozen=True)
class Column:
    """A property of a .ply."""

    element: str
    name: str
    type: str  # float32, float64, uint8, ...
    used: bool  # False: it is no part of a Gaussian, and left out


@dataclass(frozen=True)
class Range:
    """Finite values of one attribute, in the file's own domain; None where there are none."""

    name: str
    minimum: float | None
    p1: float | None
    median: float | None
    p99: float | None
    maximum: float | None
    nan: int = 0  # values, not Gaussians
    infinite: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a file of another format, of its default variant, would be."""

    format: str
    size_bytes: int | None = None  # None: not tried, or refused
    sh_degree: int | None = None
    losses: tuple[Loss, ...] = ()
    refused: str | None = None  # why there can be no such file
    tried: bool = True  # False: only degree and model were looked at


@dataclass(frozen=True)
class Inspection:
    """All that `inspect` finds."""

    name: str  # of the file, without folders
    format: str
    variant: str  # of the format, in words; empty where it has none
    size_bytes: int
    gaussians: int
    dimensions: int
    sh_degree: int
    model: str
    axes: str  # that the file says it has, before they were turned; empty where it says nothing
    comments: tuple[str, ...]
    columns: tuple[Column, ...]  # of a .ply
    ranges: tuple[Range, ...]
    findings: tuple[Finding, ...]  # errors first
    outcomes: tuple[Outcome, ...]

    def count(self, severity: Severity) -> int:
        """How many findings are so severe."""
        return sum(finding.severity == severity for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """What is printed as JSON (docs/inspect.md)."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        counts = {"errors": self.count("error"), "warnings": self.count("warning")}
        return {"flexgs_inspection": VERSION, **counts, **plain}

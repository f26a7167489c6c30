# SPDX-License-Identifier: Apache-2.0
"""What a format could not hold: counted and reported, never silent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """One kind of loss in one file.

    >>> str(Loss("SH values outside -1.5 to 1.5 were clipped", 12, 2.5))
    'SH values outside -1.5 to 1.5 were clipped: 12 Gaussians, worst 2.5'
    """

    what: str
    count: int  # Gaussians that it happened to
    worst: float | None = None  # the value that was farthest out

    def __str__(self) -> str:
        worst = "" if self.worst is None else f", worst {self.worst:.6g}"
        return f"{self.what}: {self.count} Gaussians{worst}"


@dataclass(frozen=True, eq=False)
class Encoded:
    """A file's bytes, and what they do not hold."""

    data: bytes
    losses: tuple[Loss, ...] = ()

# SPDX-License-Identifier: Apache-2.0
"""What must hold, and what is then made as small as possible."""

from __future__ import annotations

from dataclasses import dataclass

from flexgs.errors import UsageError


@dataclass(frozen=True)
class MaxDrop:
    """The smallest file whose PSNR drop stays within `db` decibels."""

    db: float

    def __post_init__(self) -> None:
        if not 0 < self.db < float("inf"):
            raise UsageError("not a target", expected="a drop of more than 0 dB", found=self.db)


@dataclass(frozen=True)
class MaxBytes:
    """The smallest drop whose file stays within `size` bytes."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UsageError("not a target", expected="at least 1 byte", found=self.size)


Target = MaxDrop | MaxBytes


def ratio_target(original_bytes: int, ratio: float) -> MaxBytes:
    """The size target that makes `original_bytes` smaller by at least `ratio`.

    >>> ratio_target(1000, 20)
    MaxBytes(size=50)
    """
    return MaxBytes(max(1, int(original_bytes / ratio)))


def describe(target: Target) -> str:
    """One phrase.

    >>> describe(MaxBytes(20_000))
    'at most 20000 bytes'
    """
    if isinstance(target, MaxDrop):
        return f"a drop of at most {target.db:g} dB"
    return f"at most {target.size} bytes"


def load(target: Target, size_bytes: int, drop_db: float) -> float:
    """How much of the target is used up; over 1 it is missed."""
    return drop_db / target.db if isinstance(target, MaxDrop) else size_bytes / target.size


def cost(target: Target, size_bytes: int, drop_db: float) -> tuple[float, float]:
    """What is minimised among the settings that meet the target; the second value breaks ties."""
    return (size_bytes, drop_db) if isinstance(target, MaxDrop) else (drop_db, size_bytes)


def direction(target: Target) -> int:
    """+1 when stronger settings use the target up, -1 when weaker ones do."""
    return 1 if isinstance(target, MaxDrop) else -1

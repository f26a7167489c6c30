# SPDX-License-Identifier: Apache-2.0
"""Files near a target, and the bytes at exactly the target: along their line, in log bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

NEAR_DB = 0.03  # files nearer to each other than this give no slope
SLOPES = -3.0, -0.2  # of log bytes a dB: what the line of a scene may have
USUAL_SLOPE, SLOPES_WITHIN = -1.0, 2.0  # where it has not; rows differ from it by a factor at most


@dataclass(frozen=True)
class File:
    """One file of a row, decoded and measured."""

    drop_db: float  # on the search views
    size: int  # bytes


@dataclass(frozen=True)
class AblationRow:
    """What is left of flexgs without one part."""

    name: str
    title: str
    size_at: float  # bytes at exactly the target
    change: float  # against everything on: 0.1 is 10 % more
    nearest: File
    files: int
    gaussians: int


def nearest(files: Sequence[File], target_db: float) -> list[File]:
    """Those first that come nearest to the target."""
    return sorted(files, key=lambda file: abs(file.drop_db - target_db))


def slope_of(files: Sequence[File], target_db: float) -> float | None:
    """d log bytes / d dB between the two nearest files that are far enough from each other.

    >>> round(slope_of([File(1.0, 1000), File(1.1, 900)], 1.0), 2)
    -1.05
    """
    best = nearest(files, target_db)
    for other in best[1:]:
        if abs(other.drop_db - best[0].drop_db) > NEAR_DB:
            return math.log(other.size / best[0].size) / (other.drop_db - best[0].drop_db)
    return None


def usual_slope(files: Sequence[File], target_db: float) -> float:
    """The slope of the row with everything on, where it is one that a scene can have."""
    found = slope_of(files, target_db)
    return found if found and SLOPES[0] <= found <= SLOPES[1] else USUAL_SLOPE


def size_at_target(files: Sequence[File], target_db: float, usual: float) -> float:
    """Bytes at exactly the target; no slope is more than twice or less than half of `usual`.

    >>> round(size_at_target([File(0.9, 1000)], 1.0, -1.0))
    905
    """
    best, slope = nearest(files, target_db)[0], slope_of(files, target_db)
    slope = usual if slope is None else slope
    slope = min(max(slope, SLOPES_WITHIN * usual), usual / SLOPES_WITHIN)
    return best.size * math.exp(slope * (target_db - best.drop_db))

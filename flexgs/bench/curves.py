# SPDX-License-Identifier: Apache-2.0
"""Bytes of a method at a drop that none of its files has: between its best files, never beyond."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal

How = Literal["measured", "interpolated", "smallest", "out of reach", "nothing"]
NEAR_DB = 0.0005  # a file this near to a drop has it


@dataclass(frozen=True)
class Spot:
    """A file: what it loses in dB, and its bytes."""

    drop_db: float
    size: float


@dataclass(frozen=True)
class Found:
    """What a method needs for a drop.

    "smallest": even its smallest file loses less, `drop_db`. "out of reach": even its best file
    loses more, `drop_db`. "nothing": it has no file.
    """

    size: float | None
    how: How
    drop_db: float | None = None


def front(spots: Iterable[Spot]) -> tuple[Spot, ...]:
    """The files that no other one beats in both bytes and drop, from the best to the smallest.

    >>> [s.size for s in front([Spot(0.1, 9), Spot(0.2, 9), Spot(0.5, 4), Spot(0.4, 6)])]
    [9, 6, 4]
    """
    kept: list[Spot] = []
    for spot in sorted(spots, key=lambda each: (each.drop_db, each.size)):
        if not kept or spot.size < kept[-1].size:
            kept.append(spot)
    return tuple(kept)


def size_at(spots: Iterable[Spot], drop_db: float) -> Found:
    """Bytes at a drop: log bytes are taken to be straight lines over dB between the best files.

    >>> spots = [Spot(0.0, 1000), Spot(1.0, 100)]
    >>> round(size_at(spots, 0.5).size), size_at(spots, 0.5).how
    (316, 'interpolated')
    >>> size_at(spots, 2.0)
    Found(size=100, how='smallest', drop_db=1.0)
    >>> size_at(spots, -0.1)
    Found(size=None, how='out of reach', drop_db=0.0)
    """
    best = front(spots)
    if not best:
        return Found(None, "nothing")
    exact = [spot for spot in best if abs(spot.drop_db - drop_db) <= NEAR_DB]
    if exact:
        return Found(exact[-1].size, "measured", exact[-1].drop_db)
    if drop_db < best[0].drop_db:
        return Found(None, "out of reach", best[0].drop_db)
    if drop_db > best[-1].drop_db:
        return Found(best[-1].size, "smallest", best[-1].drop_db)
    for low, high in pairwise(best):
        if low.drop_db <= drop_db <= high.drop_db:
            share = (drop_db - low.drop_db) / (high.drop_db - low.drop_db)
            log = (1 - share) * math.log(low.size) + share * math.log(high.size)
            return Found(math.exp(log), "interpolated", drop_db)
    return Found(None, "nothing")


def mean_found(each: Sequence[Found]) -> Found:
    """Over scenes: the mean of bytes where every scene has them, else the first that has none."""
    for found in each:
        if found.size is None:
            return found
    if not each:
        return Found(None, "nothing")
    sizes = [found.size for found in each if found.size is not None]
    drops = [found.drop_db for found in each if found.drop_db is not None]
    ways = {found.how for found in each}
    how: How = "smallest" if "smallest" in ways else "interpolated"
    return Found(fmean(sizes), ways.pop() if len(ways) == 1 else how, fmean(drops))

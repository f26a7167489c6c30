# SPDX-License-Identifier: Apache-2.0
"""One look through every view at the whole scene: what each block is worth, and what it is seen by.

From the looks follow the views of each block, what stands in them beside it (its context), and how
much of the squared error that the target allows is the block's to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.pipeline.blocks.stored.looking import OutOfSight, TableRenderer
from flexgs.pipeline.blocks.stored.tables import Tables
from flexgs.pipeline.views import MAX_SCORING_VIEWS, thin_views
from flexgs.progress import Progress

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

LEAST_BLEND = 0.01  # pixels: less of a Gaussian in a view is not worth a note
SEEN_PIXELS = 0.5  # of blending weight in all views together, to stand in a context
SEEING = 0.02  # of the weight that a block has in the view that shows most of it
LEAST_SHARE = 1e-4
_SIGHT = np.dtype([("number", np.int32), ("blend", np.float32), ("removal", np.float32)])


@dataclass(frozen=True, eq=False)
class Sights:
    """What the views see of a scene in tables."""

    folder: Path  # a file a view: numbers, weights and removal errors of the Gaussians in it
    scoring: tuple[Camera, ...]
    search: tuple[Camera, ...]
    scores: F32  # (n,) removal errors, summed over the scoring views
    unseen_views: tuple[str, ...]  # that see more than there is memory for

    def sight(self, camera: Camera) -> tuple[I64, F32]:
        """Numbers and blending weights of what a view sees."""
        found = self._load(camera)
        return found["number"].astype(np.int64), found["blend"]

    def removal(self, cameras: Sequence[Camera]) -> F32:  # (n,)
        """Removal errors of all Gaussians, summed over some of the views."""
        total = np.zeros(len(self.scores), np.float32)
        for camera in cameras:
            found = self._load(camera)
            total[found["number"]] += found["removal"]
        return total

    def _load(self, camera: Camera) -> npt.NDArray[np.void]:
        index = (*self.scoring, *self.search).index(camera)
        return np.asarray(np.load(self.folder / f"{index}.npy"))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is around the Gaussians that are worked on together."""

    scoring: tuple[Camera, ...]  # that see them; at most MAX_SCORING_VIEWS
    search: tuple[Camera, ...]
    seeing: int  # scoring views that see them, before they were thinned
    share: float  # of views that see them, of the scoring and search views of the whole
    numbers: I64  # of the context, ascending
    growth: F32  # (context,) what to add to its log scales
    complete: bool  # nothing is left out of the context


def look_around(
    tables: Tables,
    scoring: Sequence[Camera],
    search: Sequence[Camera],
    renderer: TableRenderer,
    folder: Path,
    progress: Progress,
) -> Sights:
    """Looks through every view once."""
    folder.mkdir()
    scores = np.zeros(tables.n, np.float32)
    kept: dict[bool, list[Camera]] = {True: [], False: []}
    skipped, count = [], 0
    views = [(view, True) for view in scoring] + [(view, False) for view in search]
    with progress.stage("look at everything", total=len(views)) as advance:
        for view, is_scored in views:
            advance(1)
            try:
                found, numbers = renderer.contributions(tables, view)
            except OutOfSight:
                skipped.append(view.name)
                continue
            if is_scored:
                scores[numbers] += found.removal
            shown = found.blend > LEAST_BLEND
            sight = np.empty(int(shown.sum()), _SIGHT)
            sight["number"] = numbers[shown]
            sight["blend"], sight["removal"] = found.blend[shown], found.removal[shown]
            np.save(folder / f"{count}.npy", sight)
            kept[is_scored].append(view)
            count += 1
    return Sights(folder, tuple(kept[True]), tuple(kept[False]), scores, tuple(skipped))


def weigh_views(sights: Sights, owner: npt.NDArray[np.int32], parts: int) -> F64:
    """Pixels that each part fills in each view, (views, parts).

    Args:
        owner: (n,) the part that a Gaussian of the scene belongs to; -1: none.
    """
    weights = np.zeros((len(sights.scoring) + len(sights.search), parts))
    for row, view in enumerate((*sights.scoring, *sights.search)):
        numbers, blend = sights.sight(view)
        own = owner[numbers]
        weights[row] = np.bincount(own[own >= 0], blend[own >= 0], parts)
    return weights


def surround(
    sights: Sights,
    weights: F64,  # (views,) pixels that the part fills
    own: npt.NDArray[np.bool_],  # (n,) the part's Gaussians, and those that cannot be context
    most: int,
    place: npt.NDArray[np.int32] | None = None,
) -> Surroundings:
    """Views and context of one part.

    Args:
        place: (n,) what the context's numbers become; None: they stay.
    """
    cameras = (*sights.scoring, *sights.search)
    best = float(weights.max(initial=0.0))
    sees = weights > SEEING * best
    count = len(sights.scoring)
    scoring = tuple(c for c, seen in zip(cameras[:count], sees[:count], strict=True) if seen)
    search = tuple(c for c, seen in zip(cameras[count:], sees[count:], strict=True) if seen)
    thinned = thin_views(scoring, MAX_SCORING_VIEWS)
    total = np.zeros(len(own), np.float32)
    for view in (*thinned, *search):
        numbers, blend = sights.sight(view)
        total[numbers] += blend
    total[own] = 0
    numbers, growth, complete = choose_context(total, most)
    if place is not None:
        order = np.argsort(place[numbers])
        numbers, growth = place[numbers][order].astype(np.int64), growth[order]
    share = float(sees.mean()) if len(sees) else 1.0
    return Surroundings(thinned, search, len(scoring), share, numbers, growth, complete)


def choose_context(total: F32, most: int) -> tuple[I64, F32, bool]:
    """The Gaussians that a context is made of, and by how much their log scales grow.

    Where more matter than there is room for, half the room goes to those that fill most pixels; of
    the others every so many stand for all, larger by as much.

    >>> choose_context(np.float32([9, 0.1, 2, 2, 2, 2]), 3)[0].tolist()
    [0, 2, 4]
    """
    numbers = np.flatnonzero(total >= SEEN_PIXELS)
    growth = np.zeros(len(numbers), np.float32)
    if len(numbers) <= most:
        return numbers, growth, True
    order = np.argsort(-total[numbers], kind="stable")
    exact = most // 2
    rest = np.sort(order[exact:])
    every = -(-len(rest) // max(most - exact, 1))
    growth[rest] = np.log(every) / 2
    chosen = np.sort(np.concatenate([order[:exact], rest[::every]]))
    return numbers[chosen], growth[chosen], False


def take_context(tables: Tables, numbers: I64, growth: F32) -> Splats:
    """The Gaussians of a context."""
    splats = tables.take(numbers)
    return replace(splats, log_scales=splats.log_scales + growth[:, None])


def share_error(
    scores: F32,  # (n,) of the whole scene
    owner: npt.NDArray[np.int32],  # (n,)
    parts: int,
    allowed: float,  # squared error that removal may make
) -> F64:  # (parts,) of sum 1
    """How much of the error that is allowed is each part's to make.

    As if Gaussians went by one threshold for the whole scene: the one at which the removal errors
    below it add up to what is allowed. Each part gets what lies below it there.
    """
    order = np.sort(scores)
    total = np.cumsum(order, dtype=np.float64)
    last = int(np.searchsorted(total, allowed))
    threshold = order[min(last, len(order) - 1)]
    below = scores <= threshold
    errors = np.bincount(owner[below], scores[below], parts)
    whole = float(errors.sum())
    return np.asarray(errors / whole if whole > 0 else np.full(parts, 1 / max(parts, 1)))

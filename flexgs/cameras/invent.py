# SPDX-License-Identifier: Apache-2.0
"""`invent_cameras`: cameras for a scene that came without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.cameras.check import Mask, Sight, lonely, possible, probe_all
from flexgs.cameras.complete import see_the_rest
from flexgs.cameras.place import Stance, draw_cameras, find_stance
from flexgs.cameras.subject import find_subject, hopeless
from flexgs.core import Camera, Splats
from flexgs.progress import SILENT, Progress
from flexgs.render.protocol import Renderer

F64 = npt.NDArray[np.float64]

COUNT = 128
WIDTH = 800
SPARE = 1.25  # candidates a camera asked for: about a fifth sees what no photograph can show
EXTRA = 0.25  # of the count, at most, for what the others do not see
MIN_KEPT = 0.4  # of the candidates; with fewer the ring stands in walls, and is drawn tighter
TIGHTER = 0.7
MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class InventedCameras:
    """Cameras, and what was assumed to get them."""

    cameras: tuple[Camera, ...]  # by name, so that every eighth is far from the others
    note: str  # one sentence for the report
    up: F64  # (3,) unit
    center: F64  # (3,) what they look at
    distance: float  # scene units, typical


def invent_cameras(
    splats: Splats,
    renderer: Renderer,
    *,
    count: int = COUNT,
    width: int = WIDTH,
    progress: Progress = SILENT,
) -> InventedCameras:
    """Cameras where the photographs of this scene can have been taken from.

    The point of interest comes from where detail is (subject.py), the directions from what the
    harmonics were fitted to (evidence.py), the roll from the floor (upright.py), the distance from
    framing (place.py); views that no photograph can show are dropped (check.py). Deterministic.

    Raises:
        SceneError: no view can be invented (nothing visible, one point, no free space).
    """
    if splats.d != 3:
        raise hopeless("the scene is not three-dimensional")
    subject = find_subject(splats)
    stance = find_stance(splats, subject)
    stance, cameras, sights = _free_cameras(splats, renderer, stance, count, width, progress)
    chosen = farthest_first(np.array([camera.center for camera in cameras]))[:count]
    cameras, sights = [cameras[i] for i in chosen], [sights[i] for i in chosen]
    more, seen = see_the_rest(splats, renderer, stance, cameras, sights, round(EXTRA * count))
    named = order_for_split([*cameras, *more], lonely([*sights, *seen], splats.n))
    return InventedCameras(
        named, _note(stance, len(named)), stance.up, subject.center, stance.distance
    )


def _note(stance: Stance, count: int) -> str:
    if stance.inside:
        where = "inside the room, where its harmonics say that it was seen from"
    elif stance.from_harmonics:
        where = "around the subject, on the sides that its harmonics were fitted to"
    else:
        where = "around the subject; its harmonics do not tell from where it was seen"
    return f"{count} cameras were invented {where}; what they measure is an estimate"


def _free_cameras(
    splats: Splats,
    renderer: Renderer,
    stance: Stance,
    count: int,
    width: int,
    progress: Progress,
) -> tuple[Stance, list[Camera], list[Sight]]:
    """Draws, drops what cannot be, and draws tighter when too little is left."""
    for _ in range(MAX_ATTEMPTS):
        candidates = draw_cameras(stance, round(count * SPARE), width)
        with progress.stage("invent cameras", total=len(candidates)) as advance:
            sights = probe_all(splats, renderer, candidates, stance, advance)
        keep = possible(sights)
        if keep.sum() >= max(1.0, MIN_KEPT * len(candidates)):
            chosen = np.flatnonzero(keep)
            return stance, [candidates[i] for i in chosen], [sights[i] for i in chosen]
        stance = replace(stance, distance=stance.distance * TIGHTER)
    raise hopeless("there is no free space around what it shows")


def order_for_split(
    cameras: Sequence[Camera],
    scored: Mask,  # (v,) views that must not be held out, as far as that is possible
    every: int = 8,
) -> tuple[Camera, ...]:
    """Names the cameras so that the held-out ones lie far from each other and from the rest.

    Farthest-first order; its first eighth gets the names that are reported on (index 0 modulo
    `every`), the next those the search measures on (index 4), the rest is scored.
    """
    n = len(cameras)
    centers = np.array([camera.center for camera in cameras])
    free, bound = np.flatnonzero(~scored), np.flatnonzero(scored)
    order = np.concatenate([part[farthest_first(centers[part])] for part in (free, bound)])
    places = np.arange(n)
    phase = np.where(places % every == 0, 0, np.where(places % every == every // 2, 1, 2))
    ordered = [cameras[0]] * n
    for slot, index in zip(np.argsort(phase, kind="stable"), order, strict=True):
        ordered[slot] = cameras[index]
    return tuple(replace(c, name=f"invented_{i:04d}") for i, c in enumerate(ordered))


def farthest_first(points: F64) -> npt.NDArray[np.int64]:  # (v, 3) -> (v,)
    """Each next point is the farthest from all before it.

    Source: Gonzalez, "Clustering to minimize the maximum intercluster distance" (1985).

    >>> farthest_first(np.array([[0.0, 0, 0], [1, 0, 0], [5, 0, 0]])).tolist()
    [0, 2, 1]
    """
    if len(points) == 0:
        return np.zeros(0, np.int64)
    order = [0]
    gap = np.linalg.norm(points - points[0], axis=1)
    gap[0] = -1
    while len(order) < len(points):
        order.append(int(np.argmax(gap)))
        gap = np.minimum(gap, np.linalg.norm(points - points[order[-1]], axis=1))
        gap[order] = -1
    return np.array(order)

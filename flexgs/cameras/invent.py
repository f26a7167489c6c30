# SPDX-License-Identifier: Apache-2.0
"""`invent_cameras`: cameras for a scene that came without any."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.cameras.check import Sight, possible, probe_all
from flexgs.cameras.place import Stance, draw_cameras, find_stance
from flexgs.cameras.subject import find_subject, hopeless
from flexgs.core import Camera, Splats
from flexgs.progress import SILENT, Progress
from flexgs.render.protocol import Renderer

F64 = npt.NDArray[np.float64]

COUNT = 160
WIDTH = 800
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
    stance, cameras, _ = _free_cameras(splats, renderer, stance, count, width, progress)
    cameras = order_for_split(cameras)
    where = "the directions its harmonics were fitted to" if stance.from_harmonics else "all sides"
    note = f"{len(cameras)} cameras invented from the scene: {where}; quality is an estimate"
    return InventedCameras(cameras, note, stance.up, subject.center, stance.distance)


def _free_cameras(
    splats: Splats,
    renderer: Renderer,
    stance: Stance,
    count: int,
    width: int,
    progress: Progress,
) -> tuple[Stance, tuple[Camera, ...], list[Sight]]:
    """Draws, drops what cannot be, and draws tighter when too little is left."""
    for _ in range(MAX_ATTEMPTS):
        candidates = draw_cameras(stance, count, width)
        with progress.stage("invent cameras", total=len(candidates)) as advance:
            sights = probe_all(splats, renderer, candidates, stance.subject.center, advance)
        keep = possible(sights)
        if keep.sum() >= max(1.0, MIN_KEPT * len(candidates)):
            chosen = np.flatnonzero(keep)
            return stance, tuple(candidates[i] for i in chosen), [sights[i] for i in chosen]
        stance = replace(stance, distance=stance.distance * TIGHTER)
    raise hopeless("there is no free space around what it shows")


def order_for_split(cameras: tuple[Camera, ...], every: int = 8) -> tuple[Camera, ...]:
    """Names the cameras so that the held-out ones lie farthest from each other and the rest.

    Farthest-first order; its first eighth gets the names that are reported on (index 0 modulo
    `every`), the next those the search measures on (index 4), the rest is scored.
    """
    n = len(cameras)
    first = farthest_first(np.array([camera.center for camera in cameras]))
    places = np.arange(n)
    phase = np.where(places % every == 0, 0, np.where(places % every == every // 2, 1, 2))
    slots = np.argsort(phase, kind="stable")
    ordered = [cameras[0]] * n
    for slot, index in zip(slots, first, strict=True):
        ordered[slot] = cameras[index]
    return tuple(replace(c, name=f"invented_{i:04d}") for i, c in enumerate(ordered))


def farthest_first(points: F64) -> npt.NDArray[np.int64]:  # (v, 3) -> (v,)
    """Each next point is the farthest from all before it.

    Source: Gonzalez, "Clustering to minimize the maximum intercluster distance" (1985).

    >>> farthest_first(np.array([[0.0, 0, 0], [1, 0, 0], [5, 0, 0]])).tolist()
    [0, 2, 1]
    """
    order = [0]
    gap = np.linalg.norm(points - points[0], axis=1)
    gap[0] = -1
    while len(order) < len(points):
        order.append(int(np.argmax(gap)))
        gap = np.minimum(gap, np.linalg.norm(points - points[order[-1]], axis=1))
        gap[order] = -1
    return np.array(order)

# SPDX-License-Identifier: Apache-2.0
"""Which invented views could be photographs: in free space, of something, without holes.

All of it is read from the blending weights of one small render a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.cameras.place import Stance
from flexgs.core import Camera, Splats
from flexgs.progress import Advance
from flexgs.render.protocol import Renderer

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

PROBE_WIDTH = 160  # pixels; weights are sums over the picture, not details
MIN_COVERED = 0.02  # of the picture: less is a view of nothing
NEAR_FRACTION = 0.3  # of the way to the subject: nobody stands that close to something else
MAX_NEAR = 0.2  # of the blending weight that may lie nearer; real views of a room: at most 0.03
CLOSED = 0.9  # of the picture covered; real views of a room: 0.91 at least, 0.97 mostly
SEEN_PIXELS = 0.5  # of blending weight, in all probes together
SHARED = 2.0  # times its weight in this view that a Gaussian has in all others, to be shared
MAX_LONELY = 0.03  # of a view's weight; one view in ten of a real capture has more


@dataclass(frozen=True)
class Sight:
    """What one view sees."""

    covered: float  # 0..1 share of the picture that is not empty
    near: float  # 0..1 share of the blending weight nearer than `NEAR_FRACTION`
    rows: npt.NDArray[np.int64]  # (m,) Gaussians that show
    blend: F32  # (m,) pixels of the probe that each of them fills


def probe(splats: Splats, renderer: Renderer, camera: Camera, reach: float) -> Sight:
    """Renders one small picture; `reach` is the distance to the subject in scene units."""
    small = camera.scaled(min(1.0, PROBE_WIDTH / camera.width))
    blend = renderer.contributions(splats, small).blend
    total = float(blend.sum(dtype=np.float64))
    shown = np.flatnonzero(blend)
    blend = blend[shown]
    distances = np.linalg.norm(splats.means[shown] - camera.center.astype(np.float32), axis=1)
    near = float(blend[distances < NEAR_FRACTION * reach].sum(dtype=np.float64))
    covered = total / (small.width * small.height)
    return Sight(covered, near / max(total, 1e-12), shown, blend)


def probe_all(
    splats: Splats,
    renderer: Renderer,
    cameras: Sequence[Camera],
    stance: Stance,
    advance: Advance,
) -> list[Sight]:
    """`probe` for every camera."""
    sights = []
    for camera in cameras:
        away = float(np.linalg.norm(camera.center - stance.subject.center))
        reach = stance.subject.radius if stance.inside else away
        sights.append(probe(splats, renderer, camera, reach))
        advance(1)
    return sights


def possible(sights: Sequence[Sight]) -> Mask:  # (v,)
    """Views to keep.

    Where most views are closed, those with holes look at what no photograph showed: the model
    would have filled it. Where most are open (an object on nothing, a sky left out), holes say
    nothing.
    """
    covered = np.array([sight.covered for sight in sights])
    near = np.array([sight.near for sight in sights])
    free = (covered > MIN_COVERED) & (near < MAX_NEAR)
    if free.any() and float(np.median(covered[free])) > CLOSED:
        free &= covered > CLOSED
    return np.asarray(free)


def total_blend(sights: Sequence[Sight], n: int) -> npt.NDArray[np.float64]:  # (n,)
    """Pixels that each of `n` Gaussians fills in all views together."""
    total = np.zeros(n)
    for sight in sights:
        total[sight.rows] += sight.blend
    return total


def unseen(sights: Sequence[Sight], n: int) -> Mask:  # (n,)
    """Gaussians that hardly show in any of the views."""
    return np.asarray(total_blend(sights, n) < SEEN_PIXELS)


def lonely(sights: Sequence[Sight], n: int) -> Mask:  # (v,)
    """Views that show what hardly any other shows.

    Such a view has to be scored. Held out, it would measure the gap in the invented views, not the
    compression: one in fifteen can double the mean drop of all.
    """
    total = total_blend(sights, n)
    shares = []
    for sight in sights:
        alone = total[sight.rows] - sight.blend < SHARED * sight.blend
        shares.append(float(sight.blend[alone].sum()) / max(float(sight.blend.sum()), 1e-12))
    return np.asarray(np.array(shares) > MAX_LONELY)

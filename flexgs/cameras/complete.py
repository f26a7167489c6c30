# SPDX-License-Identifier: Apache-2.0
"""Views for what no invented view sees.

A trained scene holds what its photographs showed: a Gaussian that no view sees got no gradient and
would have been pruned. So a large unseen part means that the invented views missed some of the
capture, and scores would call all of it worthless. Each added view looks at the fullest direction
of the unseen, from the nearest position that is known to be free.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flexgs.cameras.check import MAX_NEAR, MIN_COVERED, Sight, probe, unseen
from flexgs.cameras.place import Stance, make_camera
from flexgs.cameras.subject import MIN_VISIBLE_OPACITY
from flexgs.cameras.upright import fibonacci_sphere
from flexgs.core import Camera, Splats
from flexgs.core.activations import sigmoid
from flexgs.render.protocol import Renderer

F64 = npt.NDArray[np.float64]

MAX_UNSEEN = 0.02  # of the visible Gaussians; the true views of a room leave 0.007
BINS = 64  # directions in which the unseen are looked for
MIN_GAIN = 0.2  # of a bin that a view must show to be worth having


def see_the_rest(
    splats: Splats,
    renderer: Renderer,
    stance: Stance,
    cameras: Sequence[Camera],
    sights: Sequence[Sight],
    most: int,  # how many views may be added
) -> tuple[list[Camera], list[Sight]]:
    """The views to add and what they see; none when nearly everything is seen already."""
    visible = sigmoid(splats.opacity_logits.astype(np.float64)) > MIN_VISIBLE_OPACITY
    missing = unseen(sights, splats.n) & visible
    eyes = np.array([camera.center for camera in cameras])
    width = cameras[0].width
    offsets = splats.means.astype(np.float64) - stance.subject.center
    offsets /= np.maximum(np.linalg.norm(offsets, axis=1, keepdims=True), 1e-12)
    bins = np.argmax(offsets @ fibonacci_sphere(BINS).T, axis=1)
    added: list[Camera] = []
    seen: list[Sight] = []
    for _ in range(2 * most):
        if missing.sum() <= MAX_UNSEEN * visible.sum() or len(added) == most:
            break
        fullest = int(np.argmax(np.bincount(bins[missing], minlength=BINS)))
        rows = np.flatnonzero(missing & (bins == fullest))
        target = np.median(splats.means[rows].astype(np.float64), axis=0)
        eye = eyes[int(np.argmin(np.linalg.norm(eyes - target, axis=1)))]
        camera = make_camera(f"more_{len(added):04d}", eye, target, stance.up, width)
        sight = probe(splats, renderer, camera, float(np.linalg.norm(target - eye)))
        shown = ~unseen([sight], splats.n)[rows]
        if shown.mean() < MIN_GAIN or sight.near > MAX_NEAR or sight.covered < MIN_COVERED:
            missing[rows] = False  # nothing can be done about these
            continue
        added.append(camera)
        seen.append(sight)
        missing &= unseen([sight], splats.n)
    return added, seen

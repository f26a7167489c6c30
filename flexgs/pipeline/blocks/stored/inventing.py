# SPDX-License-Identifier: Apache-2.0
"""Views for a scene in tables that came without any: of all of it, then of blocks nobody sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.cameras import invent_cameras
from flexgs.core import Camera, Splats
from flexgs.core.activations import sigmoid
from flexgs.errors import SceneError
from flexgs.pipeline.blocks.sights import SEEN_PIXELS, Sights
from flexgs.pipeline.blocks.stored.tables import Tables
from flexgs.progress import Progress
from flexgs.render import Renderer

I64 = npt.NDArray[np.int64]

OWN_VIEWS = 32  # of a block that the others do not see
UNSEEN = 0.5  # of a block's visible Gaussians, for it to get views of its own
AROUND = 0.5  # of a block's extent, on every side, that is looked at with it
MIDDLE = (0.02, 0.98)  # quantiles between which a block's extent is measured
LEAST_OPACITY = 1 / 255
DIMENSIONS = 3
WHAT = "cameras were invented around all of the scene, and around blocks that those did not see"


def invent_for_all(
    tables: Tables, renderer: Renderer, most: int, progress: Progress
) -> tuple[Camera, ...]:
    """Views of the whole scene, by every so many of its Gaussians; none where none can be found."""
    try:
        sample = _thinned(tables, np.arange(tables.n), most)
        found = invent_cameras(sample, renderer, progress=progress)
    except SceneError:
        return ()
    return tuple(replace(camera, name=f"all_{camera.name}") for camera in found.cameras)


def invent_for_blocks(
    tables: Tables, blocks: list[int], renderer: Renderer, most: int, progress: Progress
) -> tuple[Camera, ...]:
    """Views of some blocks and of what is around them."""
    cameras: list[Camera] = []
    with progress.stage("invent views of blocks", total=len(blocks)) as advance:
        for index in blocks:
            near = _thinned(tables, _around(tables, index), most)
            try:
                found = invent_cameras(near, renderer, count=OWN_VIEWS).cameras
            except SceneError:  # one point, nothing visible, no free space
                found = ()
            cameras += [replace(c, name=f"block_{index:05d}_{c.name}") for c in found]
            advance(1)
    return tuple(cameras)


def unseen_blocks(tables: Tables, sights: Sights) -> list[int]:
    """Blocks of which most is in no scoring view."""
    total = np.zeros(tables.n, np.float32)
    for view in sights.scoring:
        numbers, blend = sights.sight(view)
        total[numbers] += blend
    lacking = []
    for index, start in enumerate(tables.starts[:-1].tolist()):
        visible = sigmoid(tables.read(index).opacity_logits) > LEAST_OPACITY
        own = total[start : start + len(visible)][visible]
        if len(own) and float((own < SEEN_PIXELS).mean()) > UNSEEN:
            lacking.append(index)
    return lacking


def _thinned(tables: Tables, numbers: I64, most: int) -> Splats:
    """At most so many of some Gaussians, larger by as much as there are fewer."""
    every = -(-len(numbers) // most)
    splats = tables.take(numbers[::every])
    growth = np.float32(np.log(every) / DIMENSIONS)
    return replace(splats, log_scales=splats.log_scales + growth)


def _around(tables: Tables, index: int) -> I64:
    """Numbers of what is in and around a block."""
    means = tables.read(index).means.astype(np.float64)
    low, high = np.quantile(means, MIDDLE, axis=0)
    low, high = low - AROUND * (high - low), high + AROUND * (high - low)
    all_means = tables.means()
    inside = np.ones(tables.n, bool)
    for axis in range(DIMENSIONS):
        inside &= (all_means[:, axis] >= low[axis]) & (all_means[:, axis] <= high[axis])
    return np.flatnonzero(inside)

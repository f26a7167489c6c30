# SPDX-License-Identifier: Apache-2.0
"""Contributions of every Gaussian, summed over views one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.progress import Advance
from flexgs.render import Contributions, Renderer

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
TargetOf = Callable[[Camera], F32]  # (h, w, 3): what a view should look like


def view_contributions(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    target: TargetOf | None,
    advance: Advance,
) -> Iterator[tuple[Camera, Contributions]]:
    """Each view with its contributions; `signed` is against `target`, where there is one."""
    for camera in views:
        image = None if target is None else target(camera)
        yield camera, renderer.contributions(splats, camera, image)
        advance(1)


def sum_over_views(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    name: str,  # a field of Contributions
    target: TargetOf | None,
    advance: Advance,
) -> F64:  # (n,)
    """One field of the contributions, added up in float64."""
    total = np.zeros(splats.n)
    for _, contributions in view_contributions(splats, views, renderer, target, advance):
        total += getattr(contributions, name)
    return total

# SPDX-License-Identifier: Apache-2.0
"""The order in which Gaussians go: removal in rounds, scored again in between.

Errors of overlapping Gaussians do not add up, so a score is only good for a step. One pass of
rounds gives one fixed order, and every pruning rate is a prefix of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.importance.scores import Score
from flexgs.importance.sums import TargetOf
from flexgs.progress import Progress
from flexgs.render import Renderer

Order = npt.NDArray[np.int64]


def round_ends(first: float, step: float, last: float) -> tuple[float, ...]:
    """Shares removed after each round: `first`, then steps of `step` up to `last`.

    >>> round_ends(0.3, 0.1, 0.55)
    (0.3, 0.4, 0.5, 0.55)
    """
    count = int(np.ceil(max(0.0, last - first) / step - 1e-9))
    return (min(first, last), *(min(first + step * (k + 1), last) for k in range(count)))


def removal_order(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    score: Score,
    ends: Sequence[float],  # shares removed after each round; () for one scoring of everything
    target: TargetOf | None,
    progress: Progress,
) -> Order:  # (n,) row numbers, the first to go first
    """Row numbers in the order of removal. Ties go by row number.

    What is left after the last round is ordered by that round's scores.
    """
    alive = np.arange(splats.n)
    gone: list[Order] = []
    rounds = [*ends] or [0.0]
    with progress.stage("score", total=len(rounds) * len(views)) as advance:
        for end in rounds:
            left = splats.select(alive)
            values = score(left, views, renderer, target, advance)
            order = np.argsort(values, kind="stable")
            cut = max(0, round(end * splats.n) - (splats.n - len(alive)))
            gone.append(alive[order[:cut]])
            last = alive[order[cut:]]
            alive = np.sort(last)
    return np.concatenate([*gone, last])

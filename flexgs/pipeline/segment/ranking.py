# SPDX-License-Identifier: Apache-2.0
"""Scores turned into a fixed order: which Gaussians go first, which SH are cheapest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flexgs.core import Camera, Splats
from flexgs.importance import removal_order, round_ends, scores, sh_drop_costs
from flexgs.importance.sums import F32
from flexgs.pipeline.segment.candidates import Ranking
from flexgs.pipeline.views import MAX_SCORING_VIEWS, thin_views
from flexgs.progress import Progress
from flexgs.render import Renderer

FIRST_ROUND = 0.3  # share removed in the first round: up to here one shot costs the same
ROUND_STEP = 0.05
# Where the rounds end: (drop in dB, share). Stronger settings than this do not meet such a target.
LAST_ROUND = ((0.06, 0.5), (0.35, 0.65), (1.2, 0.8))
LAST_ROUND_AT_MOST = 0.9


def plan_rounds(
    score: str, limit_drop_db: float | None, pruning_rate: float | None
) -> tuple[float, ...]:
    """Shares removed after each round; only `removal` is scored again after each.

    >>> plan_rounds("coverage", 1.0, None), plan_rounds("removal", 0.05, None)[-1]
    ((), 0.5)
    """
    if score != "removal":
        return ()
    last = LAST_ROUND_AT_MOST
    if pruning_rate is not None:
        last = pruning_rate
    elif limit_drop_db is not None:
        last = next((share for drop, share in LAST_ROUND if limit_drop_db <= drop), last)
    return round_ends(FIRST_ROUND, ROUND_STEP, last)


def rank(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    score: str,
    rounds: tuple[float, ...],
    photograph: Callable[[Camera], F32] | None,
    progress: Progress,
) -> Ranking:
    """The order of removal and the price of SH, from the scoring views."""
    views = thin_views(views, MAX_SCORING_VIEWS)
    with progress.stage("score colours", total=len(views)) as advance:
        colour = sh_drop_costs(splats, views, renderer, advance)
    order = removal_order(splats, views, renderer, scores.get(score), rounds, photograph, progress)
    return Ranking(order, colour)

# SPDX-License-Identifier: Apache-2.0
"""The seed stage and the neighbour stage.

Source: docs/design.md, "Search"; after FlexGaussian (MM 2025), generalised to size targets by
mirroring: for a drop, settings grow stronger until they use the target up; for a size, weaker.
"""

from __future__ import annotations

import heapq
from itertools import count

from flexgs.search.evaluator import Evaluator
from flexgs.search.result import Evaluation
from flexgs.search.setting import UNIT_STEPS, Setting, Space
from flexgs.search.target import direction, load

PRESETS = (
    Setting(0.75, 0.90),
    Setting(0.60, 0.75),
    Setting(0.45, 0.60),
    Setting(0.30, 0.40),
    Setting(0.10, 0.20),
)
WEAKEST, STRONGEST = Setting(0.0, 0.0), Setting(1.0, 1.0)  # the nearest the space has

MOVES = ((1, 0), (0, 1), (1, -1), (-1, 2))  # (pruning, SH): two raise, two trade
FAR, NEAR, DONE = 0.60, 0.70, 0.95  # shares of the target: 4x steps, 2x steps, stop
MAX_FAILURES = 3  # in a row
MIN_IMPROVEMENT_DB = 0.005
MAX_QUEUED = 50


def run_seeds(evaluator: Evaluator, space: Space) -> Evaluation | None:
    """The first preset that meets the target, from the most to the least ambitious one.

    When none does, the gentlest setting of the space is tried last. None: the target is out of
    reach.
    """
    sign = direction(evaluator.target)
    presets = sorted(PRESETS, key=lambda s: -sign * s.mem_score)
    for preset in (*presets, WEAKEST if sign > 0 else STRONGEST):
        evaluation = evaluator(space.nearest(preset), "seed")
        if evaluation.accepted:
            return evaluation
    return None


def run_neighbours(evaluator: Evaluator, space: Space, seed: Evaluation, reserve: int) -> str:
    """Climb from `seed` towards the target; returns why it stopped.

    A priority queue by mem_score; steps of 4x, 2x and 1x as the target comes near; settings that
    are dominated by a success, or dominate a failure, are skipped; whenever a better setting is
    found, queued ones with a lower mem_score are dropped. `reserve` evaluations are left over.
    """
    sign = direction(evaluator.target)
    order = count()  # ties leave the queue in the order they came
    best, failures, queue = seed, 0, list[tuple[float, int, Setting]]()
    _push(queue, order, evaluator, space, best)
    while queue:
        if failures >= MAX_FAILURES:
            return f"{MAX_FAILURES} failures in a row"
        if len(queue) > MAX_QUEUED:
            return f"{MAX_QUEUED} settings queued"
        if evaluator.left <= reserve:
            return "the evaluations for this stage are used up"
        setting = heapq.heappop(queue)[2]
        if setting in evaluator or _is_dominated(evaluator, setting, sign):
            continue
        found = evaluator(setting, "neighbour")
        failures = 0 if found.accepted else failures + 1
        if found is not evaluator.best:
            continue
        gain_db, best = abs(found.drop_db - best.drop_db), found
        if load(evaluator.target, best.size_bytes, best.drop_db) >= DONE:
            return f"{DONE:.0%} of the target are used"
        if gain_db < MIN_IMPROVEMENT_DB:
            return f"improvement under {MIN_IMPROVEMENT_DB} dB"
        worst = -sign * best.setting.mem_score
        queue = [entry for entry in queue if entry[0] <= worst]
        heapq.heapify(queue)
        _push(queue, order, evaluator, space, best)
    return "no neighbour is left"


def _push(
    queue: list[tuple[float, int, Setting]],
    order: count[int],
    evaluator: Evaluator,
    space: Space,
    origin: Evaluation,
) -> None:
    sign = direction(evaluator.target)
    used = load(evaluator.target, origin.size_bytes, origin.drop_db)
    steps = sign * UNIT_STEPS * (4 if used < FAR else 2 if used < NEAR else 1)
    for pruning, sh in MOVES:
        setting = space.moved(origin.setting, steps * pruning, steps * sh)
        if setting not in evaluator:
            heapq.heappush(queue, (-sign * setting.mem_score, next(order), setting))


def _is_dominated(evaluator: Evaluator, setting: Setting, sign: int) -> bool:
    """Weaker than a success (no gain), or stronger than a failure (no hope); mirrored for sizes."""
    for known in evaluator.log:
        ahead, behind = (setting, known.setting) if sign > 0 else (known.setting, setting)
        if behind.dominates(ahead) if known.accepted else ahead.dominates(behind):
            return True
    return False

# SPDX-License-Identifier: Apache-2.0
"""`find_setting`: the best setting that meets a target, in few evaluations."""

from __future__ import annotations

from collections.abc import Callable

from flexgs.search.evaluator import Budget, BudgetSpentError, Evaluator
from flexgs.search.refine import run_refinement
from flexgs.search.result import Evaluation, SearchResult, TargetUnreachableError
from flexgs.search.setting import Setting, Space
from flexgs.search.stages import run_neighbours, run_seeds
from flexgs.search.target import Target, direction

REFINE_SHARE = 0.7  # of the evaluations is kept for the refine stage; best of 0, .5, .6, .7 tried


def find_setting(
    distortion: Callable[[Setting], float],  # dB of PSNR drop, larger is worse
    size: Callable[[Setting], int],  # bytes
    target: Target,
    *,
    space: Space | None = None,
    budget: Budget | None = None,
    best_effort: bool = False,
    on_evaluation: Callable[[Evaluation], None] | None = None,
) -> SearchResult:
    """The cheapest setting that meets `target`: seeds, neighbours, refinement.

    `size` is called before `distortion`, each once a setting, so they can share what they build.
    Every evaluation is reported to `on_evaluation` and logged. Deterministic without a time budget.

    Raises:
        TargetUnreachableError: no evaluated setting meets the target (its `result` holds the log
            and the nearest one); with `best_effort` that result is returned instead.
        FlexgsError: an evaluation gives no number.

    >>> from flexgs.search import MaxDrop
    >>> found = find_setting(
    ...     lambda s: 4 * s.pruning_rate**3 + s.sh_rate,
    ...     lambda s: round(1e6 * (1 - s.pruning_rate) * (2 - s.sh_rate)),
    ...     MaxDrop(1.0),
    ... )
    >>> found.reached, found.best.drop_db <= 1.0, len(found.log) <= 20
    (True, True, True)
    """
    space = space or Space()
    budget = budget or Budget()
    evaluator = Evaluator(distortion, size, target, budget, on_evaluation)
    try:
        stopped = _run_stages(evaluator, space, budget)
    except BudgetSpentError as spent:
        stopped = str(spent)
    result = SearchResult(evaluator.nearest, evaluator.log, target, stopped)
    if not result.reached and not best_effort:
        raise TargetUnreachableError(result)
    return result


def _run_stages(evaluator: Evaluator, space: Space, budget: Budget) -> str:
    seed = run_seeds(evaluator, space)
    if seed is None:
        extreme = "gentlest" if direction(evaluator.target) > 0 else "strongest"
        return f"even the {extreme} setting misses it"
    run_neighbours(evaluator, space, seed, reserve=int(REFINE_SHARE * budget.max_evaluations))
    return run_refinement(evaluator, space)

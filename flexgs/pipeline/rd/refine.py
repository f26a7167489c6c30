# SPDX-License-Identifier: Apache-2.0
"""`--refine SECONDS`: go on removing and repairing for as long as the user will wait.

The only part whose outcome depends on the machine's speed.
"""

from __future__ import annotations

import time
from dataclasses import replace

from flexgs.pipeline.job import Job
from flexgs.pipeline.rd.reduced import FEWEST, Reduced, removal_limit
from flexgs.repair import FreeSplats, repair_pass
from flexgs.repair.reduction import LAST_FACTORS, MIN_KEPT, Round, remove_least, share_of
from flexgs.search import MaxDrop, Target

REMOVING = 0.55  # share of the time for rounds that remove; the rest only repairs
SHARE = 0.34  # of the views, in a round


def refine(job: Job, reduced: Reduced, target: Target, seconds: float) -> Reduced:
    """Fewer Gaussians of the same looks; with a target of size, the same number of better ones."""
    free = FreeSplats(reduced.splats)
    log = list(reduced.log)
    limit = removal_limit(job, target, True, 1.0) if isinstance(target, MaxDrop) else None
    if job.options.pruning_rate is not None:
        limit = None
    started = time.perf_counter()
    number = 0
    with job.clock.stage("refine"), job.progress.stage("refine", total=round(seconds)) as tick:
        shown = 0
        while (spent := time.perf_counter() - started) < seconds:
            tick(int(spent) - shown)
            shown = int(spent)
            some = share_of(reduced.views, SHARE, number)
            rates = reduced.rates.scaled(_factor(spent / seconds))
            free.remember(
                repair_pass(
                    free, some, job.renderer, reduced.target_of, rates, number, lambda _: None
                )
            )
            if limit is not None and spent < REMOVING * seconds:
                least = max(FEWEST, round(MIN_KEPT * free.n))
                log.append(remove_least(free, reduced.monitor, limit, least))
            number += 1
        log.append(Round(free.n, reduced.monitor(free.splats())))
    rows = reduced.rows[free.rows]
    return replace(reduced, splats=free.snapshot(), rows=rows, log=tuple(log))


def _factor(spent: float) -> float:
    """Of the rates, after a share of the time: steps get shorter towards the end.

    >>> _factor(0.5), _factor(0.99)
    (1.0, 0.15)
    """
    left = (1 - spent) / (1 - REMOVING)
    return 1.0 if left > 0.5 else LAST_FACTORS[0 if left > 0.25 else 1]

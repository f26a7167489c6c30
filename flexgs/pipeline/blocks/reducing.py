# SPDX-License-Identifier: Apache-2.0
"""All blocks pruned and repaired, each by its share of the error, so that the whole fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.pipeline.blocks.memory import jobs_that_fit
from flexgs.pipeline.blocks.sights import (
    LEAST_SHARE,
    Sights,
    Surroundings,
    share_error,
    surround,
    weigh_views,
)
from flexgs.pipeline.blocks.stored.tables import Tables, make_tables
from flexgs.pipeline.blocks.whole import Whole
from flexgs.pipeline.blocks.work.tasks import ReduceTask
from flexgs.pipeline.blocks.work.workers import run_tasks
from flexgs.pipeline.meter import LEAST_LEFT
from flexgs.pipeline.rd.reduced import AIM, GENTLER, TOO_NEAR, TRIES, spare_in
from flexgs.search import MaxDrop

F64 = npt.NDArray[np.float64]
Owner = npt.NDArray[np.int32]

# Errors of neighbours at their border add up to more than their sum. Where that is noticed, removal
# is done again, gentler, as if the whole scene had been watched.
MORE_THAN_SUM = 1.1
LEAST_FLOOR = 0.3  # of the target: less is not worth a second time


def reduce_blocks(whole: Whole) -> tuple[Tables, list[tuple[int, float]]]:
    """What is left of all blocks, and how many Gaussians and which drop every try left.

    More is left where too much has gone.
    """
    job, tables, setting = whole.job, whole.original, whole.setting
    parts, target = len(tables.counts), setting.target_db
    owner = np.repeat(np.arange(parts, dtype=np.int32), tables.counts)
    arounds = _surround_all(whole.sights, owner, parts, whole.sizes.context)
    shares = _shares(whole, owner, parts)
    rows = (max(tables.counts), max(len(around.numbers) for around in arounds))
    jobs = jobs_that_fit(job.options, *rows, tables.coefficients)
    factor, aim = 1.0, 0.0
    tries: list[tuple[int, float]] = []
    for number in range(TRIES):
        place = whole.folder / f"reduced_{number}"
        output = make_tables(place, (0,) * parts, tables.coefficients, tables.model)
        tasks = [
            ReduceTask(setting, index, tables, around, _own_share(share, around), factor, output)
            for index, (around, share) in enumerate(zip(arounds, shares, strict=True))
        ]
        facts = run_tasks(tasks, "prune and repair", job.progress, job.options, jobs)
        output = replace(output, counts=tuple(fact["gaussians"] for fact in facts))
        floor = whole.meter(output)
        tries.append((output.n, floor))
        if not number:
            summed = joint_drop(shares, [fact["floor_db"] for fact in facts])
            aim = max(summed, LEAST_FLOOR * target)
        if floor <= min(TOO_NEAR * target, MORE_THAN_SUM * aim):
            break
        factor *= max(GENTLER, min(AIM * target, aim) / floor)
    return output, tries


def joint_drop(shares: F64, drops: Sequence[float]) -> float:
    """The drop of a scene whose blocks drop by so much, each as if all erred as it does.

    >>> round(joint_drop(np.array([0.5, 0.5]), [1.0, 1.0]), 6)
    1.0
    """
    added = [10 ** (drop / 10) - 1 for drop in drops]
    return float(10 * np.log10(max(1 + float(shares @ added), LEAST_LEFT)))


def _surround_all(sights: Sights, owner: Owner, parts: int, most: int) -> list[Surroundings]:
    weights = weigh_views(sights, owner, parts)
    return [surround(sights, weights[:, part], owner == part, most) for part in range(parts)]


def _shares(whole: Whole, owner: Owner, parts: int) -> F64:
    """Of the squared error that the target allows, what is each block's."""
    setting, sights = whole.setting, whole.sights
    psnr = whole.meter.original_psnr or setting.reference_psnr
    allowed = AIM * spare_in(sights.scoring, psnr, MaxDrop(setting.target_db), 0.0)
    return share_error(sights.scores, owner, parts, allowed)


def _own_share(share: float, around: Surroundings) -> float:
    """Of the error allowed in a block's views, what is the block's: other views do not see it."""
    return float(np.clip(share / max(around.share, LEAST_SHARE), LEAST_SHARE, 1.0))

# SPDX-License-Identifier: Apache-2.0
"""Removal without repair needs no blocks: looks through all views rank all Gaussians of the scene.

As `repair.reduction` does it with a scene in memory, with the same limits and the same bisection.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.pipeline.blocks.stored.looking import KeptRenderer
from flexgs.pipeline.blocks.stored.tables import Tables, make_tables, save_table
from flexgs.pipeline.blocks.whole import Whole
from flexgs.pipeline.blocks.work.tasks import numbers_path
from flexgs.pipeline.meter import Meter
from flexgs.pipeline.rd.reduced import (
    AIM,
    FEWEST,
    GENTLER,
    LIMIT_UNREPAIRED,
    TOO_NEAR,
    TRIES,
    split_monitor,
)
from flexgs.repair.free import FADING
from flexgs.repair.reduction import largest_allowed, least_kept, share_of

Mask = npt.NDArray[np.bool_]
F32 = npt.NDArray[np.float32]


def remove_only(whole: Whole) -> tuple[Tables, list[tuple[int, float]]]:
    """What is left, and how many Gaussians and which drop every try left.

    More is left where too much has gone.
    """
    target, limit = whole.setting.target_db, LIMIT_UNREPAIRED * whole.setting.target_db
    tries: list[tuple[int, float]] = []
    for number in range(TRIES):
        kept = remove_within(whole, limit)
        reduced = save_kept(whole.original, kept, whole.folder / f"reduced_{number}")
        floor = whole.meter(reduced)
        tries.append((reduced.n, floor))
        if floor <= TOO_NEAR * target or tries[-1] in tries[:-1]:  # a lower limit changes nothing
            break
        limit *= max(GENTLER, AIM * target / floor)
    return reduced, tries


def remove_within(whole: Whole, limit_db: float) -> Mask:  # (n,)
    """The Gaussians that stay when so large a drop is allowed."""
    job, tables, sights = whole.job, whole.original, whole.sights
    schedule = whole.setting.work(len(sights.scoring)).schedule
    views, watching = split_monitor(sights.scoring)
    if job.views.invented:  # all that are scored are needed: some see what no other does
        views, watching = sights.scoring, sights.search
    kept, reference = np.ones(tables.n, bool), whole.setting.reference_psnr
    looker, renders = KeptRenderer(tables, whole.renderer), whole.renders
    drop_of = Meter(kept, watching, looker, job.photograph, reference, renders=renders)
    scores = sights.removal(share_of(views, schedule.share, 0))
    with job.progress.stage("remove", total=schedule.rounds) as advance:
        for number in range(schedule.rounds):
            if number:
                scores *= np.float32(FADING)
                for view in share_of(views, schedule.share, number):
                    found, numbers = whole.renderer.contributions(tables, view, kept)
                    scores[numbers] += found.removal
            kept = _remove_least(kept, scores, drop_of, limit_db, schedule.rounds - number)
            advance(1)
    return kept


def _remove_least(
    kept: Mask, scores: F32, drop_of: Meter[Mask], limit_db: float, rounds: int
) -> Mask:
    rows = np.flatnonzero(kept)
    order = rows[np.argsort(scores[rows], kind="stable")].astype(np.int32)
    del rows

    def without(count: int) -> Mask:
        left = kept.copy()
        left[order[:count]] = False
        return left

    least = least_kept(len(order), min(FEWEST, len(order)), rounds)
    count = largest_allowed(lambda n: drop_of(without(n)) <= limit_db, len(order) - least)
    return without(count)


def save_kept(tables: Tables, kept: Mask, folder: Path) -> Tables:
    """The Gaussians that stay as tables, with their numbers in the whole scene beside them."""
    parts = len(tables.counts)
    starts = tables.starts
    numbers = [np.flatnonzero(kept[starts[i] : starts[i + 1]]) for i in range(parts)]
    counts = tuple(len(each) for each in numbers)
    output = make_tables(folder, counts, tables.coefficients, tables.model)
    for index, own in enumerate(numbers):
        save_table(output, index, tables.read(index).select(own))
        np.save(numbers_path(output, index), starts[index] + own)
    return output

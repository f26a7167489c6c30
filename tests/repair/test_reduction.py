# SPDX-License-Identifier: Apache-2.0
"""Rounds of removal stay within what they may lose and leave as many as they must."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from flexgs.core import Camera, Splats
from flexgs.core.rotations import normalize_quats
from flexgs.pipeline.meter import DropMeter
from flexgs.progress import SILENT
from flexgs.render import Renderer, get_renderer
from flexgs.repair import GROUPS, FreeSplats, Rates
from flexgs.repair.reduction import Round, Schedule, reduce_splats
from tests.repair.conftest import TargetOf

Ring = tuple[Camera, ...]
SHORT = Schedule(rounds=3, settling=1, share=0.5)
UNREPAIRED = replace(SHORT, settling=0, repair=False)
PSNR = 30.0  # of the original, assumed


def reduced(
    splats: Splats,
    ring: Ring,
    renderer: Renderer,
    target_of: TargetOf,
    limit_db: float,
    fewest: int = 10,
    schedule: Schedule = SHORT,
) -> tuple[FreeSplats, list[Round], DropMeter]:
    free = FreeSplats(splats)
    meter = DropMeter(splats, ring[::4], renderer, None, PSNR)
    log = reduce_splats(
        free, ring, renderer, target_of, meter, limit_db, fewest, schedule, Rates(), SILENT
    )
    return free, log, meter


@pytest.mark.parametrize("limit_db", [0.1, 1.0, 3.0])
def test_without_repair_the_limit_holds(
    splats: Splats, ring: Ring, renderer: Renderer, target_of: TargetOf, limit_db: float
) -> None:
    free, log, meter = reduced(splats, ring, renderer, target_of, limit_db, schedule=UNREPAIRED)
    assert meter(free.splats()) <= limit_db
    assert len(log) == UNREPAIRED.rounds
    assert log[0].drop_db == pytest.approx(0, abs=1e-6)
    assert 10 < free.n < splats.n
    unit = replace(splats, quats=normalize_quats(splats.quats.astype(np.float64)))
    for group in GROUPS:  # nothing moved
        assert np.array_equal(
            getattr(free.splats(), group),
            getattr(unit.select(free.rows), group).astype(np.float32),
        )


def test_higher_limits_leave_fewer(
    splats: Splats, ring: Ring, renderer: Renderer, target_of: TargetOf
) -> None:
    counts = [
        reduced(splats, ring, renderer, target_of, limit, schedule=UNREPAIRED)[0].n
        for limit in (0.1, 1.0, 3.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0]


@pytest.mark.parametrize("schedule", [SHORT, UNREPAIRED])
@pytest.mark.parametrize("fewest", [20, 77, 150, 200])
def test_as_many_stay_as_must(
    splats: Splats,
    ring: Ring,
    renderer: Renderer,
    target_of: TargetOf,
    fewest: int,
    schedule: Schedule,
) -> None:
    free, log, _ = reduced(
        splats, ring, renderer, target_of, math.inf, fewest=fewest, schedule=schedule
    )
    assert free.n == max(fewest, log[-1].gaussians) == fewest
    counts = [entry.gaussians for entry in log]
    assert counts == sorted(counts, reverse=True)
    assert len(log) == schedule.rounds + schedule.settling


def test_repair_wins_back_what_removal_lost(
    splats: Splats, ring: Ring, renderer: Renderer, target_of: TargetOf
) -> None:
    longer = replace(SHORT, settling=4)
    repaired, _, meter = reduced(
        splats, ring, renderer, target_of, math.inf, fewest=90, schedule=longer
    )
    bare, _, _ = reduced(splats, ring, renderer, target_of, math.inf, 90, UNREPAIRED)
    assert meter(repaired.splats()) < 0.8 * meter(bare.splats())
    assert meter(repaired.splats()) < 0.8 * meter(splats.select(repaired.rows))


def test_rows_say_where_the_survivors_come_from(
    splats: Splats, ring: Ring, renderer: Renderer, target_of: TargetOf
) -> None:
    free, _, _ = reduced(splats, ring, renderer, target_of, 1.0)
    assert len(np.unique(free.rows)) == free.n < splats.n
    assert (np.diff(free.rows) > 0).all()
    away = np.linalg.norm(free.splats().means - splats.means[free.rows], axis=1)
    others = np.linalg.norm(free.splats().means[:, None] - splats.means[None], axis=2)
    assert (others.argmin(axis=1) == free.rows).mean() > 0.9
    assert np.median(away) < 0.05


def test_the_bits_are_the_same_for_any_threads(
    splats: Splats, ring: Ring, target_of: TargetOf
) -> None:
    runs = [
        reduced(splats, ring, get_renderer("cpu", threads), target_of, 1.0)[0] for threads in (1, 2)
    ]
    assert np.array_equal(runs[0].rows, runs[1].rows)
    for group in GROUPS:
        a, b = (getattr(free.splats(), group) for free in runs)
        assert np.array_equal(a, b), group


def test_progress_counts_every_view_once(
    splats: Splats, ring: Ring, renderer: Renderer, target_of: TargetOf
) -> None:
    seen: list[tuple[str, int | None]] = []
    steps: list[int] = []

    class Counting:
        def stage(self, name: str, total: int | None = None):  # type: ignore[no-untyped-def]
            from contextlib import nullcontext

            seen.append((name, total))
            return nullcontext(steps.append)

    meter = DropMeter(splats, ring[::4], renderer, None, PSNR)
    reduce_splats(
        FreeSplats(splats), ring, renderer, target_of, meter, 1.0, 10, SHORT, Rates(), Counting()
    )
    assert seen == [("prune and repair", sum(steps))]

# SPDX-License-Identifier: Apache-2.0
"""The levels of effort: what each may spend. Costs and gains: docs/benchmarks.md."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexgs.repair.reduction import Schedule

LEAST_VIEWS = 8  # repair learns fewer than these by heart, and all other views get worse


@dataclass(frozen=True)
class Effort:
    """Work of one compression, in passes over the views."""

    schedule: Schedule
    colour_passes: float  # over the decoded geometry, for every strength that is tried
    fisher_share: float  # of the views, for the blocks that set the steps
    polish: int = 0  # quarters of a pass with the rounding in the loop


EFFORTS = {
    1: Effort(Schedule(rounds=1, settling=0, share=0.25, repair=False), 0.0, 0.1),
    2: Effort(Schedule(rounds=4, settling=0, share=0.25, repair=False), 0.5, 0.2),
    3: Effort(Schedule(rounds=6, settling=1, share=0.25), 0.5, 0.25),
    4: Effort(Schedule(rounds=8, settling=2, share=0.34), 1.0, 0.25, 2),
    5: Effort(Schedule(rounds=14, settling=9, share=0.34), 1.0, 0.25, 8),
    6: Effort(Schedule(rounds=16, settling=11, share=0.34), 1.0, 0.25, 8),
    7: Effort(Schedule(rounds=16, settling=12, share=0.5), 1.0, 0.5, 8),
    8: Effort(Schedule(rounds=20, settling=16, share=0.5), 2.0, 0.5, 12),
    9: Effort(Schedule(rounds=24, settling=30, share=0.5), 2.0, 1.0, 16),
}


def choose_effort(level: int, repair: int | None, views: int = LEAST_VIEWS) -> Effort:
    """The level's work, with another number of passes after the last removal; 0: no repair at all.

    Few views to repair by mean no repair either, unless it is asked for (`views`: given ones).

    >>> choose_effort(5, 0).schedule.repair, choose_effort(5, 7).schedule.settling
    (False, 7)
    >>> choose_effort(5, None, views=3).polish
    0
    """
    effort = EFFORTS[level]
    if repair:
        return replace(effort, schedule=replace(effort.schedule, settling=repair, repair=True))
    if repair is None and views >= LEAST_VIEWS:
        return effort
    schedule = replace(effort.schedule, settling=0, repair=False)
    return replace(effort, schedule=schedule, colour_passes=0.0, polish=0)

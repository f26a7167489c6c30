# SPDX-License-Identifier: Apache-2.0
"""The smallest file of a format that meets the target, as measured on what is read back from it.

Gaussians are removed and repaired as for the rd profile; a format's own rounding cannot be tuned,
so the landing is by what else goes: Gaussians and SH, by one strength.
"""

from __future__ import annotations

from flexgs.core import Splats
from flexgs.io.formats.fit import fit_scene
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.io.formats.table import scene_formats
from flexgs.pipeline.formats.round_trip import Trip, round_trip
from flexgs.pipeline.formats.worth import find_worth, strength_for, strip
from flexgs.pipeline.job import Found, Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.effort import choose_effort
from flexgs.pipeline.rd.landing import land
from flexgs.pipeline.rd.reduced import FEWEST, Reduced, reduce_within, spare_error
from flexgs.pipeline.rd.search import repair_facts
from flexgs.search import MaxDrop, Measured, Setting, Target

ENOUGH = 6  # files, once one lands fairly near
LEAST_FACTOR = 0.25  # of the target, for removal with repair, however coarse the format is
FIRST_SHARE = 0.5  # of the error that is to spare: losses of neighbours do not just add up


def search_format(job: Job, target: Target, meter: DropMeter) -> Found:
    """The smallest file of the format `job.profile` that meets the target.

    Raises:
        SceneError: the format cannot hold such Gaussians.
        TargetUnreachableError: no strength meets it, unless `best_effort`.
    """
    entry = scene_formats.get(job.profile)
    start, losses = fit_scene(job.splats, entry, plain=False)
    reduced, floor, whole = _reduce(job, entry, start, target, meter)
    views = reduced.views
    with job.clock.stage("weigh"):
        worth = find_worth(reduced.splats, views, job.renderer, entry, whole, job.progress)
    first = strength_for(worth, FIRST_SHARE * spare_error(reduced, target, floor))
    trips: dict[float, Trip] = {}

    def measure(strength: float) -> Measured:
        fewest = min(FEWEST, reduced.splats.n)
        left, bare = strip(reduced.splats, worth, strength, fewest)
        trips[strength] = trip = round_trip(left, entry)
        setting = Setting(1 - left.n / job.splats.n, bare / max(left.n, 1))
        return Measured(setting, len(trip.data), meter(trip.decoded))

    result = land(job, target, measure, first, floor, ENOUGH, "search")
    best = trips[result.best.strength]
    notes = tuple(f"{entry.name}: {loss}" for loss in (*losses, *best.losses))
    plan = {"effort": job.options.effort, "strength": result.best.strength}
    return Found(best.data, result, plan, repair_facts(reduced, start), notes)


def _reduce(
    job: Job, entry: SceneFormat, start: Splats, target: Target, meter: DropMeter
) -> tuple[Reduced, float, int]:
    """What removal and repair leave, and the drop and the bytes of a file of all of it."""
    sizes: list[int] = []  # the last one is of what is returned

    def drop_of(splats: Splats) -> float:
        trip = round_trip(splats, entry)
        sizes.append(len(trip.data))
        return meter(trip.decoded)

    with job.clock.stage("convert"), job.progress.stage("convert as it is"):
        plain = round_trip(start, entry)
        lost = meter(plain.decoded)
    factor = 1.0
    if isinstance(target, MaxDrop):  # the format's own rounding takes its part
        factor = min(1.0, max(LEAST_FACTOR, 1 - lost / target.db))
    bits = 8 * len(plain.data) / max(start.n, 1)
    views = job.views.split.scoring
    effort = choose_effort(job.options.effort, job.options.repair, len(views))
    reduced, floor = reduce_within(job, target, effort, drop_of, start, bits, factor)
    return reduced, floor, sizes[-1]

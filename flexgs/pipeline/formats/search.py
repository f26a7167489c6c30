# SPDX-License-Identifier: Apache-2.0
"""The smallest file of a format that meets the target, as measured on what is read back from it.

Gaussians are removed and repaired as for the rd profile. Then the way of writing (how finely, in
which SH degree) is chosen by forecast, and the landing is by what else goes: Gaussians and SH, by
one strength. Of several formats, those are landed whose forecasts are near the best one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexgs.core import Splats
from flexgs.io.formats.fit import fit_scene
from flexgs.io.formats.losses import Loss
from flexgs.pipeline.formats.choice import candidates
from flexgs.pipeline.formats.prospects import Choice, Scout
from flexgs.pipeline.formats.round_trip import Trip, Way, recipes_of, round_trip
from flexgs.pipeline.formats.worth import strip, weigh
from flexgs.pipeline.job import Found, Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.effort import Effort, choose_effort
from flexgs.pipeline.rd.landing import land
from flexgs.pipeline.rd.reduced import FEWEST, Reduced, reduce_within, spare_error
from flexgs.pipeline.rd.search import repair_facts
from flexgs.report import RepairFacts
from flexgs.search import MaxDrop, Measured, SearchResult, Setting, Target, TargetUnreachableError

ENOUGH = 6  # files, once one lands fairly near
MOST_OWN = 0.93  # of the target, for a way's own rounding of all that is left
LEAST_FACTOR = 0.25  # of the target, for removal with repair, however coarse the format is
NEAR_BEST = 1.15  # forecasts may err by so much: formats within it are landed, too


@dataclass(frozen=True, eq=False)
class _Landing:
    """One way's file that was searched for."""

    way: Way
    result: SearchResult
    trip: Trip

    @property
    def cost(self) -> tuple[bool, float]:
        """Smaller is better; what misses the target comes last."""
        best = self.result.best
        drop = isinstance(self.result.target, MaxDrop)
        return not self.result.reached, best.size_bytes if drop else best.drop_db


def search_format(job: Job, target: Target, meter: DropMeter) -> Found:
    """The smallest file of the format `job.profile`, or of the candidates that it stands for.

    Raises:
        SceneError: the format cannot hold such Gaussians.
        TargetUnreachableError: no strength meets it, unless `best_effort`.
    """
    entries = candidates(job.profile, job.splats)
    start, losses = fit_scene(job.splats, entries[0], plain=False)
    first = Way(entries[0], recipes_of(entries[0])[0], start.degree)
    reduced, floor = _reduce(job, first, start, target, meter)
    with job.clock.stage("weigh"):
        weighed = weigh(reduced.splats, reduced.views, job.renderer, job.progress)
    spare = spare_error(reduced, target, floor, meter.original_psnr)
    repair = _effort(job).schedule.repair
    choices = []
    with job.clock.stage("choose"), job.progress.stage("choose", len(entries)) as advance:
        scout = Scout(reduced, weighed, job.renderer, spare, repair)
        for entry in entries:
            choices.append(scout.choose(entry, target, spare))
            advance(1)
    choices.sort(key=lambda choice: choice.forecast)
    limit = NEAR_BEST * choices[0].forecast
    landings = [
        _land(job, target, meter, choice, reduced, scout)
        for choice in choices
        if choice.forecast <= limit
    ]
    best = min(landings, key=lambda landing: landing.cost)
    if not best.result.reached and not job.options.best_effort:
        raise TargetUnreachableError(best.result)
    return _found(job, best, landings, choices, repair_facts(reduced, start), losses)


def _land(
    job: Job, target: Target, meter: DropMeter, choice: Choice, reduced: Reduced, scout: Scout
) -> _Landing:
    """The most promising way that leaves room for a search, at the best strength."""
    for each in choice.prospects:
        with job.clock.stage("settle"):
            prospect = scout.settle(each, job.progress)
        whole = round_trip(prospect.splats, prospect.way, prospect.worth.colour.removal)
        floor = meter(whole.decoded)
        roomy = not isinstance(target, MaxDrop) or floor <= MOST_OWN * target.db
        if roomy or each is choice.finest:
            break
    way, trips = prospect.way, dict[float, Trip]()
    fewest = min(FEWEST, prospect.splats.n)

    def measure(strength: float) -> Measured:
        left, weights, bare = strip(prospect.splats, prospect.worth, strength, fewest)
        trips[strength] = trip = round_trip(left, way, weights)
        without_sh = bare if way.degree else left.n
        setting = Setting(1 - left.n / job.splats.n, without_sh / max(left.n, 1))
        return Measured(setting, len(trip.data), meter(trip.decoded))

    forgiving = replace(job, options=replace(job.options, best_effort=True))
    first = prospect.first_strength(
        target, spare_error(reduced, target, floor, meter.original_psnr)
    )
    result = land(forgiving, target, measure, first, floor, ENOUGH, "search")
    return _Landing(way, result, trips[result.best.strength])


def _found(
    job: Job,
    best: _Landing,
    landings: list[_Landing],
    choices: list[Choice],
    facts: RepairFacts,
    losses: list[Loss],
) -> Found:
    """What the report says of it; with several formats, also what each would have taken."""
    way, result = best.way, best.result
    name = way.entry.name
    log = [step for landing in landings for step in landing.result.log]
    numbered = tuple(replace(step, number=i) for i, step in enumerate(log, 1))
    plan: dict[str, object] = {
        "effort": job.options.effort,
        "strength": result.best.strength,
        "recipe": way.recipe,
        "sh_degree": way.degree,
    }
    if len(choices) > 1:
        plan["formats"] = _sizes(landings, choices, isinstance(result.target, MaxDrop))
    notes = tuple(f"{name}: {loss}" for loss in (*losses, *best.trip.losses))
    return Found(best.trip.data, replace(result, log=numbered), plan, facts, notes, name)


def _sizes(
    landings: list[_Landing], choices: list[Choice], by_size: bool
) -> dict[str, dict[str, object]]:
    """Bytes of every format, measured where it was landed, else as forecast."""
    sizes: dict[str, dict[str, object]] = {}
    for choice in choices:
        name = choice.finest.way.entry.name
        own = [landing for landing in landings if landing.way.entry.name == name]
        if own:
            found = min(own, key=lambda landing: landing.cost).result
            best = found.best
            sizes[name] = {"size_bytes": best.size_bytes, "drop_db": best.drop_db}
            sizes[name]["reached"] = found.reached
        else:
            sizes[name] = {"forecast_bytes": round(choice.forecast)} if by_size else {}
    return sizes


def _effort(job: Job) -> Effort:
    return choose_effort(job.options.effort, job.options.repair, len(job.views.split.scoring))


def _reduce(
    job: Job, way: Way, start: Splats, target: Target, meter: DropMeter
) -> tuple[Reduced, float]:
    """What removal and repair leave, and the drop of a file of all of it."""

    def drop_of(splats: Splats) -> float:
        return meter(round_trip(splats, way).decoded)

    usual = way
    if not isinstance(target, MaxDrop):  # about as fine as a small file will be
        recipes = recipes_of(way.entry)
        usual = replace(way, recipe=recipes[len(recipes) // 2])
    with job.clock.stage("convert"), job.progress.stage("convert as it is"):
        plain = round_trip(start, usual)
        lost = meter(plain.decoded)
    factor = 1.0
    if isinstance(target, MaxDrop):  # the format's own rounding takes its part
        factor = min(1.0, max(LEAST_FACTOR, 1 - lost / target.db))
    bits = 8 * len(plain.data) / max(start.n, 1)
    return reduce_within(job, target, _effort(job), drop_of, start, bits, factor)

# SPDX-License-Identifier: Apache-2.0
"""Reduce the scene, then find the strength that lands on the target."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexgs.core import Splats
from flexgs.pipeline.job import Found, Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.candidate import Blocks, Candidate, find_blocks, make_candidate
from flexgs.pipeline.rd.effort import Effort, choose_effort
from flexgs.pipeline.rd.landing import land
from flexgs.pipeline.rd.polish import PARTS, polish
from flexgs.pipeline.rd.reduced import TOO_NEAR, Reduced, reduce_within, spare_error
from flexgs.pipeline.rd.refine import refine
from flexgs.report import RepairFacts, RepairRound
from flexgs.search import MaxDrop, Measured, SearchResult, Setting, Target

LONGEST_DROP = -88.8888  # stands for a drop not yet known: no real one takes more digits
ENOUGH_CANDIDATES = 4  # with the look at what is reduced, five renders of the search's views
REFINED_IN_VAIN = "refining left too little of the target and was undone: give it more seconds"
# First guess: quantisation adds about so many strengths of squared error a Gaussian.
ERROR_A_GAUSSIAN = 36.0


@dataclass(frozen=True, eq=False)
class _Start:
    """What quantisation starts from."""

    effort: Effort
    exact: Reduced  # as removal and repair left it
    polished: Reduced  # repaired further with the rounding in the loop
    blocks: Blocks
    floor_db: float  # drop of `exact` on the search's views
    strength: float  # a first guess
    notes: tuple[str, ...] = ()


def search_rd(job: Job, target: Target, meter: DropMeter) -> Found:
    """The smallest file that meets the target.

    Raises:
        TargetUnreachableError: no strength meets it, unless `best_effort`.
    """
    start = _start(job, target, meter)
    result, candidates = _land(job, target, meter, start)
    best, effort = result.best, job.options.effort
    with job.clock.stage("encode"), job.progress.stage("encode"):
        drop = {"strength": best.strength, "drop_db": round(best.drop_db, 4)}
        metadata = {**job.facts, "effort": effort, **drop}
        data = candidates[best.strength].pack(metadata, job.options.threads)
    plan = {"effort": effort, "strength": best.strength}
    return Found(data, result, plan, repair_facts(start.exact, job.splats), start.notes)


def _start(job: Job, target: Target, meter: DropMeter) -> _Start:
    views = job.views.split.scoring
    effort = choose_effort(job.options.effort, job.options.repair, len(views))
    reduced, floor = reduce_within(job, target, effort, meter)
    notes: tuple[str, ...] = ()
    if job.options.refine_s:
        refined = refine(job, reduced, target, job.options.refine_s)
        drop = meter(refined.splats)
        if isinstance(target, MaxDrop) and drop > max(floor, TOO_NEAR * target.db):
            notes = (REFINED_IN_VAIN,)
        else:
            reduced, floor = refined, drop
    with job.clock.stage("weigh"), job.progress.stage("weigh every parameter"):
        blocks = find_blocks(reduced.splats, reduced.views, job.renderer, effort.fisher_share)
    first = _first_strength(reduced, target, floor)
    polished = reduced
    if effort.polish:
        total = round(effort.polish / PARTS * len(reduced.views))
        with job.clock.stage("polish"), job.progress.stage("polish", total=total) as advance:
            splats = polish(reduced, blocks, job.renderer, first, effort.polish, advance)
        polished = replace(reduced, splats=splats)
    return _Start(effort, reduced, polished, blocks, floor, first, notes)


def _land(
    job: Job, target: Target, meter: DropMeter, start: _Start
) -> tuple[SearchResult, dict[float, Candidate]]:
    """The strength that meets the target, and all candidates by strength."""
    reduced, count = start.polished, max(start.polished.splats.n, 1)
    bias = start.floor_db - reduced.monitor(start.exact.splats)  # of the monitor, for predictions
    pruned = 1 - reduced.splats.n / job.splats.n
    candidates: dict[float, Candidate] = {}
    metadata = {**job.facts, "effort": job.options.effort, "drop_db": LONGEST_DROP}

    def measure(strength: float) -> Measured:
        candidate = make_candidate(reduced, start.blocks, job.renderer, start.effort, strength)
        candidates[strength] = candidate
        data, decoded = candidate.decoded(metadata, job.options.threads)
        setting = Setting(pruned, candidate.without_sh / count)
        predicted = reduced.monitor(decoded) + bias
        return Measured(setting, len(data), meter(decoded), predicted)

    result = land(
        job, target, measure, start.strength, start.floor_db, ENOUGH_CANDIDATES, "quantise"
    )
    return result, candidates


def _first_strength(reduced: Reduced, target: Target, floor_db: float) -> float:
    """From what the target leaves for quantisation."""
    spare = spare_error(reduced, target, floor_db)
    return spare / (ERROR_A_GAUSSIAN * max(reduced.splats.n, 1))


def repair_facts(reduced: Reduced, original: Splats) -> RepairFacts:
    """What repair bought, on the monitor views."""
    return RepairFacts(
        unrepaired_drop_db=reduced.monitor(original.select(reduced.rows)),
        repaired_drop_db=reduced.monitor(reduced.splats),
        rounds=tuple(RepairRound(r.gaussians, r.drop_db) for r in reduced.log),
    )

# SPDX-License-Identifier: Apache-2.0
"""The second half: pieces are weighed and polished, then one strength for all lands on the target.

Every strength that is tried gives all chunks of a file; the drop is that of the whole scene,
rendered from what the chunks decode to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flexgs.codec.rd_file.head import RdHead
from flexgs.pipeline.blocks.memory import jobs_that_fit
from flexgs.pipeline.blocks.sights import Surroundings, surround, weigh_views
from flexgs.pipeline.blocks.stored.tables import Tables, make_tables
from flexgs.pipeline.blocks.whole import Whole
from flexgs.pipeline.blocks.work.pieces import Pieces, plan_file, recut
from flexgs.pipeline.blocks.work.tasks import PieceTask, RoundTask, WeighTask
from flexgs.pipeline.blocks.work.workers import run_tasks
from flexgs.pipeline.blocks.work.writing import assemble, decode_to_tables, file_bytes
from flexgs.pipeline.job import Found
from flexgs.pipeline.rd.landing import land
from flexgs.pipeline.rd.reduced import repair_rates, spare_in, step_reach
from flexgs.pipeline.rd.search import ENOUGH_CANDIDATES, ERROR_A_GAUSSIAN, LONGEST_DROP
from flexgs.search import MaxDrop, Measured
from flexgs.search import Setting as Rates


@dataclass(frozen=True, eq=False)
class Rounded:
    """One strength."""

    head: RdHead
    tables: Tables  # of the pieces as they decode, with their sections beside them


def round_off(
    work: Whole, reduced: Tables, floor_db: float, target: MaxDrop
) -> tuple[Found, Tables]:
    """The file, and what it decodes to.

    Raises:
        TargetUnreachableError: no strength meets the target, unless `best_effort`.
    """
    job, setting = work.job, work.setting
    pieces = recut(reduced, work.sizes.piece, work.folder / "pieces")
    spare = spare_in(work.sights.scoring, setting.reference_psnr, target, floor_db)
    first = spare / (ERROR_A_GAUSSIAN * max(reduced.n, 1))
    with job.clock.stage("weigh"):
        bases = _weigh(work, pieces, target, first)
    tried: dict[float, Rounded] = {}
    polished = bases[0].output
    pruned = 1 - reduced.n / work.original.n
    metadata = {**job.facts, "effort": job.options.effort, "drop_db": LONGEST_DROP}

    def measure(strength: float) -> Measured:
        rounded, stored, sections, bare = _round(work, pieces, bases, strength, len(tried))
        tried[strength] = rounded
        size = file_bytes(rounded.head, metadata, stored, sections)
        return Measured(Rates(pruned, bare / max(polished.n, 1)), size, work.meter(rounded.tables))

    result = land(job, target, measure, first, floor_db, ENOUGH_CANDIDATES, "quantise")
    best = tried[result.best.strength]
    drop = {"strength": result.best.strength, "drop_db": round(result.best.drop_db, 4)}
    effort = {"effort": job.options.effort}
    with job.clock.stage("encode"), job.progress.stage("encode"):
        data = assemble(best.head, {**job.facts, **effort, **drop}, best.tables)
        decoded = decode_to_tables(data, pieces, best.tables, work.folder / "decoded")
    plan = {
        **effort,
        "strength": result.best.strength,
        "blocks": len(work.original.counts),
        "pieces": len(pieces.tables.counts),
    }
    return Found(data, result, plan), decoded


def _weigh(work: Whole, pieces: Pieces, target: MaxDrop, first: float) -> list[WeighTask]:
    """Runs the tasks that weigh and polish; the tasks."""
    tables = pieces.tables
    output = make_tables(work.folder / "polished", tables.counts, tables.coefficients, tables.model)
    arounds = _surround_pieces(work, pieces)
    tasks = []
    for index, around in enumerate(arounds):
        seeing = len(around.scoring)
        reach = step_reach(seeing, work.setting.work(seeing).schedule.settling)
        rates = repair_rates(work.job, target, reach)
        common = (work.setting, index, tables, around, work.original, rates, output.folder)
        tasks.append(WeighTask(*common, strength=first, output=output))
    jobs = _jobs(work, pieces, arounds)
    run_tasks(tasks, "weigh and polish", work.job.progress, work.job.options, jobs)
    return tasks


def _surround_pieces(work: Whole, pieces: Pieces) -> list[Surroundings]:
    """Views and contexts of all pieces; contexts by their numbers in the pieces."""
    tables, total = pieces.tables, work.original.n
    place = np.full(total, -1, np.int32)
    place[pieces.numbers] = np.arange(tables.n, dtype=np.int32)
    parts = len(tables.counts)
    owner = np.full(total, -1, np.int32)
    owner[pieces.numbers] = np.repeat(np.arange(parts, dtype=np.int32), tables.counts)
    weights = weigh_views(work.sights, owner, parts)
    most = work.sizes.piece_context
    found = []
    for part in range(parts):
        left_out = (owner == part) | (owner < 0)
        found.append(surround(work.sights, weights[:, part], left_out, most, place))
    return found


def _jobs(work: Whole, pieces: Pieces, arounds: Sequence[Surroundings]) -> int:
    largest = max(pieces.tables.counts, default=0)
    around = max((len(each.numbers) for each in arounds), default=0)
    return jobs_that_fit(
        work.job.options, largest, around, pieces.tables.coefficients, rounding=True
    )


def _round(
    work: Whole, pieces: Pieces, bases: Sequence[WeighTask], strength: float, number: int
) -> tuple[Rounded, int, int, int]:
    """All pieces at one strength; bytes and number of sections, Gaussians without harmonics."""
    polished = bases[0].output
    geometry, colours = (
        [base.blocks_path(name) for base in bases] for name in ("geometry", "colours")
    )
    head, blur = plan_file(pieces, polished, geometry, colours, strength)
    output = make_tables(
        work.folder / f"rounded_{number}",
        polished.counts,
        polished.coefficients,
        polished.model,
    )
    tasks = [_round_task(base, pieces, strength, head, blur, output) for base in bases]
    arounds = [base.around for base in bases]
    jobs, options = _jobs(work, pieces, arounds), work.job.options
    facts = run_tasks(tasks, "round", work.job.progress, options, jobs)
    stored, sections, bare = (
        sum(fact[name] for fact in facts) for name in ("bytes", "sections", "without_sh")
    )
    return Rounded(head, output), stored, sections, bare


def _round_task(
    base: PieceTask, pieces: Pieces, strength: float, head: RdHead, blur: int, output: Tables
) -> RoundTask:
    return RoundTask(
        base.setting,
        base.index,
        base.pieces,
        base.around,
        base.original,
        base.rates,
        base.folder,
        polished=Tables(base.folder, output.counts, output.coefficients, output.model),
        strength=strength,
        head=head,
        blur=blur,
        first_chunk=pieces.first_chunks[base.index],
        bounds=pieces.bounds(base.index),
        output=output,
    )

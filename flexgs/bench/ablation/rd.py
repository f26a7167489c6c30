# SPDX-License-Identifier: Apache-2.0
"""The `rd` profile with each of its parts switched off alone.

Scoring views reduce the scene once, search views measure every row; the test views are never
looked at. Functions are replaced from here: flexgs itself has no switches. Every row goes through a
real file, decodes it and renders it, with its own polish and its own search for the strength.
Drops of near strengths scatter a little, and the rows with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from flexgs.bench.ablation.line import File, nearest
from flexgs.bench.ablation.parts.plain_bytes import Sizes
from flexgs.bench.ablation.parts.rd_parts import Part
from flexgs.bench.ablation.parts.rd_reductions import REDUCTIONS
from flexgs.codec import describe
from flexgs.core import Splats
from flexgs.errors import SearchError
from flexgs.io import atomic_write
from flexgs.pipeline.job import Job
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.candidate import Blocks, Candidate, find_blocks, make_candidate
from flexgs.pipeline.rd.effort import Effort
from flexgs.pipeline.rd.polish import polish
from flexgs.pipeline.rd.reduced import Reduced, reduce_within, render_reader, split_monitor
from flexgs.pipeline.rd.search import LONGEST_DROP, _first_strength
from flexgs.repair import Rates
from flexgs.search import MaxDrop, Measured, Setting, find_strength

FURTHER = 1.4  # of the strength, for a second file with everything on
EVALUATIONS = 3  # files a row, at most


@dataclass(frozen=True, eq=False)
class Case:
    """The scene and what measures it."""

    job: Job
    meter: DropMeter
    target: MaxDrop
    effort: Effort


@dataclass(frozen=True, eq=False)
class Start:
    """A reduced scene: what rows begin with."""

    reduced: Reduced
    floor: float  # dB
    blocks: Blocks
    first: float  # the strength that polishing looks at


@dataclass(frozen=True, eq=False)
class Made:
    """One file, and what it was made of."""

    strength: float
    file: File
    sizes: Sizes
    candidate: Candidate


@dataclass(eq=False)
class Row:
    """All files of one row."""

    gaussians: int
    made: list[Made] = field(default_factory=list)

    @property
    def files(self) -> list[File]:
        """What is measured of them."""
        return [each.file for each in self.made]

    def nearest(self, target_db: float) -> Made:
        """The file that comes nearest to the target."""
        best = nearest(self.files, target_db)[0]
        return next(each for each in self.made if each.file is best)


@dataclass(frozen=True, eq=False)
class Whole:
    """Everything on: what all rows are compared with."""

    case: Case
    start: Start
    polished: Reduced
    row: Row


def whole_row(case: Case, cache: Path | None) -> Whole:
    """The reduction, or the one that `cache` keeps of it; two files at least."""
    if cache is not None and cache.exists():
        start = _load(case, cache)
    else:
        start = _weigh(case, *reduce_within(case.job, case.target, case.effort, case.meter))
        if cache is not None:
            _save(start, cache)
    polished = _polish(case, start, case.effort)
    row = _land(case, start, polished, case.effort, start.first)
    if len(row.made) == 1:  # all rows are corrected along this one's line
        further = FURTHER * row.made[0].strength
        row.made.append(_make(case, start, polished, case.effort, further))
    return Whole(case, start, polished, row)


def part_row(whole: Whole, part: Part) -> Row:
    """A row on the shared reduction."""
    case, target = whole.case, whole.case.target.db
    if part.sizes is not None:
        row = Row(whole.row.gaussians)
        for file in nearest(whole.row.files, target)[:2]:
            made = next(each for each in whole.row.made if each.file is file)
            sizes = part.sizes(made.candidate, made.sizes)
            size = file.size + sum(sizes.values()) - sum(made.sizes.values())
            row.made.append(replace(made, file=File(file.drop_db, size), sizes=sizes))
        return row
    effort = part.effort(case.effort)
    strength = whole.row.nearest(target).strength
    with part.off():
        same = not part.repolish and effort.polish == case.effort.polish
        reduced = whole.polished if same else _polish(case, whole.start, effort)
        return _land(case, whole.start, reduced, effort, strength)


def reduction_row(whole: Whole, name: str) -> Row:
    """A row with a reduction of its own.

    Raises:
        SearchError: removal alone loses more than the target.
    """
    case, kept = whole.case, whole.start.reduced.splats.n
    reduce = REDUCTIONS[name][1]
    reduced, floor, effort = reduce(case.job, case.target, case.meter, case.effort, kept)
    if floor >= case.target.db:
        raise SearchError(
            f"{reduced.splats.n} Gaussians, and {floor:.3f} dB lost by removal alone",
            expected=f"less than {case.target.db:g} dB",
        )
    own = _weigh(case, reduced, floor)
    return _land(case, own, _polish(case, own, effort), effort, own.first)


def _weigh(case: Case, reduced: Reduced, floor: float) -> Start:
    """A reduction with its blocks."""
    blocks = find_blocks(reduced.splats, reduced.views, case.job.renderer, case.effort.fisher_share)
    return Start(reduced, floor, blocks, _first_strength(reduced, case.target, floor))


def _save(start: Start, path: Path) -> None:
    """Keeps a reduction."""
    splats = start.reduced.splats
    names = ("means", "log_scales", "quats", "opacity_logits", "sh")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        np.savez(
            file,
            **{name: getattr(splats, name) for name in names},
            rows=start.reduced.rows,
            geometry=start.blocks.geometry,
            colours=start.blocks.colours,
            numbers=np.array([start.floor, start.first]),
        )


def _load(case: Case, path: Path) -> Start:
    """A reduction from before, judged by the same views."""
    job = case.job
    with np.load(path, allow_pickle=False) as stored:
        kept = {name: stored[name] for name in stored.files}
    splats = Splats(
        kept["means"],
        kept["log_scales"],
        kept["quats"],
        kept["opacity_logits"],
        kept["sh"],
        job.splats.model,
    )
    views, watching = split_monitor(job.views.split.scoring)
    reference = job.views.reference_psnr(None)
    monitor = DropMeter(job.splats, watching, job.renderer, job.photograph, reference)
    reduced = Reduced(splats, kept["rows"], views, render_reader(job), Rates(), monitor, ())
    floor, first = kept["numbers"].tolist()
    return Start(reduced, floor, Blocks(kept["geometry"], kept["colours"]), first)


def _polish(case: Case, start: Start, effort: Effort) -> Reduced:
    """The reduction, polished as the effort says."""
    if not effort.polish:
        return start.reduced
    splats = polish(
        start.reduced, start.blocks, case.job.renderer, start.first, effort.polish, lambda _: None
    )
    return replace(start.reduced, splats=splats)


def _land(case: Case, start: Start, reduced: Reduced, effort: Effort, first: float) -> Row:
    """Files on both sides of the target, or near it."""
    row = Row(reduced.splats.n)

    def measure(strength: float) -> Measured:
        made = _make(case, start, reduced, effort, strength)
        row.made.append(made)
        drop = made.file.drop_db
        return Measured(Setting(0, 0), made.file.size, drop, drop)

    find_strength(measure, case.target, first, start.floor, EVALUATIONS, best_effort=True)
    return row


def _make(case: Case, start: Start, reduced: Reduced, effort: Effort, strength: float) -> Made:
    """The file of one strength, decoded and measured."""
    candidate = make_candidate(reduced, start.blocks, case.job.renderer, effort, strength)
    data, decoded = candidate.decoded({**case.job.facts, "drop_db": LONGEST_DROP})
    sizes = describe(data).bytes_by_attribute
    return Made(strength, File(case.meter(decoded), len(data)), sizes, candidate)

# SPDX-License-Identifier: Apache-2.0
"""Scenes x parts as rows of a journal: what is there already is not done again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flexgs.batch import BatchScene, Row, make_setting
from flexgs.batch.facts import look_at_scene, versions_that_matter
from flexgs.batch.journal import append_row, mend_journal, read_journal
from flexgs.batch.model import plain_error
from flexgs.bench.ablation import rd, segment
from flexgs.bench.ablation.line import AblationRow, File, nearest, size_at_target, usual_slope
from flexgs.bench.ablation.parts.rd_parts import PARTS
from flexgs.bench.ablation.parts.rd_reductions import REDUCTIONS
from flexgs.bench.ablation.parts.segment_parts import SEGMENT_PARTS
from flexgs.bench.model import Setup
from flexgs.bench.planning import JOURNAL
from flexgs.errors import FlexgsError, UsageError
from flexgs.importance.sums import TargetOf
from flexgs.options import CompressOptions
from flexgs.pipeline.job import Job, StageClock
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.effort import EFFORTS
from flexgs.pipeline.views import find_views, photograph_reader
from flexgs.progress import SILENT
from flexgs.render import get_renderer
from flexgs.report import SceneFacts
from flexgs.scenes import read_scene, scene_bytes
from flexgs.search import MaxDrop

EVERYTHING = "everything"
PROFILES = ("rd", "segment")
Listener = Callable[[Row], None]
Measured = tuple[Sequence[File], int]  # files of a row, Gaussians


@dataclass(frozen=True)
class Ablation:
    """What is switched off, one at a time, at one target; `only` of it, where that is given.

    Raises:
        UsageError: no part has such a name.
    """

    setup: Setup
    target_db: float
    only: tuple[str, ...] = ()  # rd.coder, segment.delta, ...

    def __post_init__(self) -> None:
        known = [f"{profile}.{name}" for profile in PROFILES for name in titles(profile)]
        for name in self.only:
            if name not in known:
                raise UsageError(f"no part is called {name!r}", expected=" | ".join(known))


def titles(profile: str) -> dict[str, str]:
    """Rows of a profile, the one with everything on first."""
    first = {EVERYTHING: "everything on"}
    if profile == "segment":
        return first | {name: part.title for name, part in SEGMENT_PARTS.items()}
    parts = {name: part.name for name, part in PARTS.items()}
    return first | {name: title for name, (title, _) in REDUCTIONS.items()} | parts


def run_ablation(
    scenes: Sequence[BatchScene],
    ablation: Ablation,
    folder: Path,
    *,
    listener: Listener = lambda row: None,
) -> tuple[Row, ...]:
    """The rows of all scenes and profiles, in order; those that the journal lacks are run.

    What goes wrong with a part is a row with its error, and the rest goes on.

    Raises:
        UsageError, FormatError, SceneError: a scene or its cameras cannot be used, or the journal.
    """
    journal = folder / JOURNAL
    known = read_journal(journal)
    mend_journal(journal)
    rows: list[Row] = []
    for scene in scenes:
        key = _key(scene, ablation)
        for profile in PROFILES:
            names = [n for n in titles(profile) if _wanted(ablation, profile, n)]
            ids = [(scene.name, f"ablate.{profile}.{name}") for name in names]
            found = {i: known.done(i, key) for i in ids}
            done = {i: row for i, row in found.items() if row is not None}
            missing = [n for n, i in zip(names, ids, strict=True) if i not in done]
            if missing:
                for row in _run_profile(scene, profile, missing, ablation, key, folder):
                    append_row(journal, row)
                    listener(row)
                    done[row.id] = row
            rows += [done[i] for i in ids if i in done]
    return tuple(rows)


def _wanted(ablation: Ablation, profile: str, name: str) -> bool:
    """The row with everything on is always needed where any of its profile is."""
    if not ablation.only:
        return True
    of_profile = [each for each in ablation.only if each.startswith(f"{profile}.")]
    return f"{profile}.{name}" in of_profile or (name == EVERYTHING and bool(of_profile))


def _key(scene: BatchScene, ablation: Ablation) -> str:
    setup = ablation.setup
    facts = look_at_scene(scene, make_setting({"max_side": setup.max_side}))
    plain = [facts.digest, setup.effort, setup.max_side, ablation.target_db, versions_that_matter()]
    return hashlib.sha256(json.dumps(["ablation", *plain], sort_keys=True).encode()).hexdigest()


def _run_profile(
    scene: BatchScene,
    profile: str,
    missing: Sequence[str],
    ablation: Ablation,
    key: str,
    folder: Path,
) -> Iterator[Row]:
    started = time.perf_counter()
    job, meter = _make_job(scene, ablation, profile)
    target = MaxDrop(ablation.target_db)
    cache = folder / scene.name / f"ablation-{key[:16]}.npz"
    if profile == "segment":
        run = _open_segment(job, meter, target)
    else:
        run = _open_rd(job, meter, target, ablation, cache)
    try:
        whole = run(EVERYTHING)
    except FlexgsError as failed:  # nothing to compare with
        for name in missing:
            yield _row(scene, profile, name, key, started, error=plain_error(failed))
        return
    usual = usual_slope(whole[0], target.db)
    size = size_at_target(whole[0], target.db, usual)
    for name in missing:
        if name != EVERYTHING:
            started = time.perf_counter()
        try:
            files, gaussians = whole if name == EVERYTHING else run(name)
        except FlexgsError as failed:
            yield _row(scene, profile, name, key, started, error=plain_error(failed))
            continue
        own = size_at_target(files, target.db, usual)
        line = AblationRow(
            name,
            titles(profile)[name],
            own,
            own / size - 1,
            nearest(files, target.db)[0],
            len(files),
            gaussians,
        )
        result = asdict(line) | {"profile": profile, "slope": usual}
        yield _row(scene, profile, name, key, started, result=result)


def _row(
    scene: BatchScene,
    profile: str,
    name: str,
    key: str,
    started: float,
    *,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> Row:
    seconds = round(time.perf_counter() - started, 3)
    return Row(scene.name, f"ablate.{profile}.{name}", key, seconds, 1, {}, result, error)


def _open_rd(
    job: Job, meter: DropMeter, target: MaxDrop, ablation: Ablation, cache: Path
) -> Callable[[str], Measured]:
    case = rd.Case(job, meter, target, EFFORTS[ablation.setup.effort])
    opened: list[rd.Whole] = []

    def run(name: str) -> Measured:
        if name == EVERYTHING:
            opened.append(rd.whole_row(case, cache))
            row = opened[0].row
        elif name in PARTS:
            row = rd.part_row(opened[0], PARTS[name])
        else:
            row = rd.reduction_row(opened[0], name)
        return row.files, row.gaussians

    return run


def _open_segment(job: Job, meter: DropMeter, target: MaxDrop) -> Callable[[str], Measured]:
    opened: list[segment.Whole] = []

    def run(name: str) -> Measured:
        if name == EVERYTHING:
            opened.append(segment.whole_row(job, meter, target))
            row = opened[0].row
        else:
            row = segment.part_row(opened[0], SEGMENT_PARTS[name])
        return row.files, row.gaussians

    return run


def _make_job(scene: BatchScene, ablation: Ablation, profile: str) -> tuple[Job, DropMeter]:
    """Scene, views and meter as `flexgs compress` has them."""
    setup = ablation.setup
    splats = read_scene(scene.path)
    options = CompressOptions(
        target_psnr_drop=ablation.target_db,
        effort=setup.effort,
        threads=setup.threads,
        device=setup.device,
        max_side=setup.max_side,
    )
    renderer = get_renderer(setup.device, setup.threads)
    views = find_views(
        scene.path, splats, renderer, scene.cameras, scene.images, SILENT, setup.max_side
    )
    photograph: TargetOf | None = photograph_reader() if views.photographs else None
    facts = SceneFacts(scene.path.name, scene_bytes(scene.path), splats.n, splats.degree)
    job = Job(facts, splats, options, profile, renderer, views, photograph, SILENT, StageClock())
    reference = views.reference_psnr(None)
    return job, DropMeter(splats, views.split.search, renderer, photograph, reference)

# SPDX-License-Identifier: Apache-2.0
"""A scene too big for the memory, compressed block by block into one file (docs/blocks.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flexgs.core import Splats
from flexgs.errors import SceneError, UsageError
from flexgs.io.files import file_size, read_start
from flexgs.limits import DEFAULT_LIMITS
from flexgs.options import CompressOptions
from flexgs.pipeline.blocks.memory import Sizes, photo_cache, plan_sizes
from flexgs.pipeline.blocks.reducing import reduce_blocks
from flexgs.pipeline.blocks.removing import remove_only
from flexgs.pipeline.blocks.rounding import round_off
from flexgs.pipeline.blocks.sights import Sights, look_around
from flexgs.pipeline.blocks.stored.cutting import Surveyed, cut, even_counts, survey
from flexgs.pipeline.blocks.stored.looking import TableRenderer
from flexgs.pipeline.blocks.stored.tables import Tables, no_splats
from flexgs.pipeline.blocks.whole import Whole
from flexgs.pipeline.blocks.work.tasks import RenderFolder, Setting, original_renders
from flexgs.pipeline.job import Found, Job, StageClock
from flexgs.pipeline.meter import Meter
from flexgs.pipeline.profiles import choose_profile
from flexgs.pipeline.targets import resolve_target
from flexgs.pipeline.views import (
    PHOTO_CACHE_BYTES,
    Views,
    given_views,
    invented_views,
    photograph_reader,
)
from flexgs.pipeline.warm_up import warm_up
from flexgs.progress import Progress
from flexgs.render import get_renderer
from flexgs.report import SceneFacts
from flexgs.search import MaxDrop

INVENTED_PIXELS = 800 * 533  # of an invented view
NOT_IN_BLOCKS = ("target_size", "target_ratio", "pruning_rate", "refine_s")


@dataclass(frozen=True, eq=False)
class Blocked:
    """A compression in blocks, and what its report is measured on."""

    job: Job  # with no Gaussians in it
    found: Found
    original: Tables
    decoded: Tables
    renderer: TableRenderer


def check_blocks(scene: Splats | str | Path, options: CompressOptions) -> Path:
    """The scene's file, when it can be compressed in blocks.

    Raises:
        UsageError: it cannot, or not with such options.
    """
    for name in options.changed(NOT_IN_BLOCKS):
        raise UsageError(
            f"--{name.removesuffix('_s').replace('_', '-')} is not for scenes in blocks",
            expected="--target-psnr-drop or --target-psnr",
            hint="leave --max-memory and --blocks out, or the other option",
        )
    if choose_profile(options, None) != "rd":
        raise UsageError("only the rd profile compresses in blocks", found=options.profile)
    if isinstance(scene, Splats) or read_start(scene, 3) != b"ply":
        raise UsageError(
            "only a .ply is compressed in blocks: other files are read as a whole",
            path=None if isinstance(scene, Splats) else scene,
            hint="`flexgs convert` makes one",
        )
    return Path(scene)


def compress_blocks(
    path: Path, options: CompressOptions, progress: Progress, clock: StageClock, folder: Path
) -> Blocked:
    """Cuts, looks, reduces every block, cuts what is left anew, and finds the strength.

    Args:
        folder: for temporary files; about three times the scene's size.

    Raises:
        UsageError: the memory is not enough.
        FormatError, SceneError, SearchError: see `compress`.
    """
    with clock.stage("read"):
        surveyed = survey(path, options.drop_invalid, DEFAULT_LIMITS, progress)
        _refuse_flat(surveyed)
    given = given_views(path, options.cameras, options.images, options.max_side)
    sizes, photos = _plan(options, surveyed, given)
    n = len(surveyed.means)
    parts = min(n, max(options.blocks or 1, -(-n // sizes.block)))
    with clock.stage("cut"):
        counts = even_counts(n, parts)
        place, drop = folder / "original", options.drop_invalid
        tables = cut(path, surveyed, counts, place, drop, DEFAULT_LIMITS, progress)
    notes = surveyed.notes
    del surveyed
    renderer = TableRenderer(get_renderer(options.device, options.threads), sizes.view)
    with clock.stage("prepare"), progress.stage("prepare the renderer (first run: compile)"):
        warm_up(renderer.renderer, "rd")
    with clock.stage("look"):
        views, sights = _look(tables, given, renderer, sizes, folder, progress)
    source = SceneFacts(path.name, file_size(path), n, _degree(tables), notes)
    job = _job(source, options, views, renderer, photos, progress, clock)
    return _compress(job, tables, sights, renderer, sizes, photos, folder)


def _refuse_flat(surveyed: Surveyed) -> None:
    if surveyed.model == "2dgs":
        raise UsageError("flat Gaussians are not compressed in blocks", found=surveyed.model)


def _plan(options: CompressOptions, surveyed: Surveyed, given: Views | None) -> tuple[Sizes, int]:
    cameras = () if given is None else (*given.split.scoring, *given.split.search)
    cameras += () if given is None else given.split.report
    pixels = max((c.width * c.height for c in cameras), default=INVENTED_PIXELS)
    bound, photos = options.max_memory, 0
    if given is not None and given.photographs:
        photos = photo_cache(bound, PHOTO_CACHE_BYTES)
    n = len(surveyed.means)
    return plan_sizes(bound, n, surveyed.coefficients, pixels, photos), photos


def _degree(tables: Tables) -> int:
    return int(np.sqrt(tables.coefficients)) - 1


def _job(
    source: SceneFacts,
    options: CompressOptions,
    views: Views,
    renderer: TableRenderer,
    photos: int,
    progress: Progress,
    clock: StageClock,
) -> Job:
    """What the searches of other compressions know as a job, its Gaussians left out."""
    none = no_splats((source.sh_degree + 1) ** 2, "3dgs")
    photograph = photograph_reader(photos) if views.photographs else None
    rendered = renderer.renderer
    return Job(source, none, options, "rd", rendered, views, photograph, progress, clock)


def _look(
    tables: Tables,
    given: Views | None,
    renderer: TableRenderer,
    sizes: Sizes,
    folder: Path,
    progress: Progress,
) -> tuple[Views, Sights]:
    """The views, invented where there are none, and what they see."""
    if given is not None:
        views = given
        sights = _look_by(tables, views, renderer, folder / "sights", progress)
    else:
        from flexgs.pipeline.blocks.stored import (
            inventing,  # only where it is needed: slow to import
        )

        most = sizes.sample
        cameras = inventing.invent_for_all(tables, renderer.renderer, most, progress)
        views = invented_views(cameras, inventing.WHAT)
        sights = _look_by(tables, views, renderer, folder / "sights", progress)
        lacking = inventing.unseen_blocks(tables, sights)
        if lacking:
            skipped = set(sights.unseen_views)
            cameras = tuple(camera for camera in cameras if camera.name not in skipped)
            own = renderer.renderer
            cameras += inventing.invent_for_blocks(tables, lacking, own, most, progress)
            views = invented_views(cameras, inventing.WHAT)
            sights = _look_by(tables, views, renderer, folder / "more_sights", progress)
    if not sights.scoring or not sights.search:
        raise SceneError(
            "no view can be rendered within the memory",
            expected="views that see a part of the scene",
            found=f"{len(sights.unseen_views)} views that see too much of it",
            hint="give --max-memory more",
        )
    report = tuple(view for view in views.split.report if renderer.has_room(tables, view))
    count = len(sights.unseen_views) + len(views.split.report) - len(report)
    if count:
        note = f"{count} views see more than --max-memory lets them: left out"
        views = replace(views, notes=(*views.notes, note))
    seen = replace(views.split, scoring=sights.scoring, search=sights.search, report=report)
    return replace(views, split=seen), sights


def _look_by(
    tables: Tables, views: Views, renderer: TableRenderer, folder: Path, progress: Progress
) -> Sights:
    return look_around(tables, views.split.scoring, views.split.search, renderer, folder, progress)


def _compress(
    job: Job,
    tables: Tables,
    sights: Sights,
    renderer: TableRenderer,
    sizes: Sizes,
    photos: int,
    folder: Path,
) -> Blocked:
    views, options = job.views, job.options
    reference = views.reference_psnr(options.reference_psnr)
    setting = Setting(
        effort=options.effort,
        repair=options.repair,
        device=options.device,
        threads=options.threads,
        target_db=0.0,  # not known yet
        reference_psnr=reference,
        photographs=views.photographs,
        invented=views.invented,
        photo_bytes=photos,
        view_rows=sizes.view,
    )
    with job.clock.stage("look"), job.progress.stage("look at the original"):
        meter = make_whole_meter(job, tables, renderer, original_renders(setting, tables))
    target = resolve_target(options, job.source.size_bytes, meter)
    if not isinstance(target, MaxDrop):
        raise UsageError("a target of size is not for scenes in blocks")
    setting = replace(setting, target_db=target.db)
    whole = Whole(job, setting, tables, sights, renderer, meter, sizes, folder)
    with job.clock.stage("prune and repair"):
        schedule = setting.work(len(sights.scoring)).schedule
        reduce = reduce_blocks if schedule.repair else remove_only
        reduced, tries = reduce(whole)
    found, decoded = round_off(whole, reduced, tries[-1][1], target)
    removals = [{"gaussians": left, "drop_db": drop} for left, drop in tries]
    found = replace(found, plan={**found.plan, "removals": removals})
    return Blocked(job, found, tables, decoded, renderer)


def make_whole_meter(
    job: Job, tables: Tables, renderer: TableRenderer, renders: RenderFolder
) -> Meter[Tables]:
    """The drop of the whole scene on the search views."""
    reference = job.views.reference_psnr(job.options.reference_psnr)
    search = job.views.split.search
    return Meter(tables, search, renderer, job.photograph, reference, renders=renders)

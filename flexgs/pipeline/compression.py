# SPDX-License-Identifier: Apache-2.0
"""compress(): read, look, score, search, write, decode what was written, measure, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flexgs.codec import decode_splats, read_fgs, write_fgs
from flexgs.core import Camera, Splats
from flexgs.errors import SceneError, UsageError
from flexgs.importance import scores
from flexgs.io import SceneFile, ensure_output
from flexgs.io.files import work_folder
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.io.formats.table import scene_formats
from flexgs.options import CompressOptions
from flexgs.pipeline.blocks import check_blocks, compress_blocks
from flexgs.pipeline.formats import search_format
from flexgs.pipeline.formats.choice import AUTO, CANDIDATES, OWN, choose_format, path_of
from flexgs.pipeline.formats.round_trip import read_back
from flexgs.pipeline.job import Found, Job, StageClock, peak_memory_bytes
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.profiles import choose_profile
from flexgs.pipeline.rd import search_rd
from flexgs.pipeline.reporting import (
    bytes_by_attribute,
    search_steps,
    take_pictures,
    target_facts,
    versions,
)
from flexgs.pipeline.segment import search_segment
from flexgs.pipeline.segment.search import segment_plan
from flexgs.pipeline.targets import resolve_target
from flexgs.pipeline.views import find_views, photograph_reader, thin_views
from flexgs.pipeline.warm_up import warm_up
from flexgs.progress import SILENT, Progress
from flexgs.quality import Quality, Renders, Scene, measure_quality
from flexgs.render import get_renderer
from flexgs.report import Picture, Report, SceneFacts
from flexgs.scenes import open_scene, scene_bytes

PLY_BYTES_PER_VALUE = 4
Measured = tuple[Quality | None, Quality | None, tuple[Picture, ...]]
SEARCHES = {"rd": search_rd, "segment": search_segment}  # all other profiles are formats


@dataclass(frozen=True, eq=False)
class CompressResult:
    """The file's bytes, and what it took and cost."""

    data: bytes
    report: Report
    path: Path | None = None  # where it was written


def compress(
    scene: Splats | str | Path,
    output: str | Path | None = None,
    *,
    options: CompressOptions | None = None,
    progress: Progress = SILENT,
) -> CompressResult:
    """Makes a scene small, to the quality that `options` names (1 dB when it names none).

    Args:
        scene: a .ply or .fgs file, or Gaussians (their size then counts as that of their .ply).
        output: where the file goes, as a whole or not at all; None or `options.dry_run`: nowhere.
            Its name says the format: .fgs, or that of another tool (`docs/formats.md`). With the
            format `auto` its suffix is added to it.

    Raises:
        UsageError: options, output or score cannot be used; checked before any work.
        FormatError, SceneError: the scene, its cameras or photographs cannot be used.
        SearchError: no setting meets the target, unless `options.best_effort`.
    """
    options = options or CompressOptions()
    clock = StageClock()
    entry = _check_request(scene, output, options)
    if options.in_blocks:
        return _compress_in_blocks(scene, output, options, progress, clock)
    with clock.stage("read"), progress.stage("read"):
        source, splats = _open(scene, options)
    profile = choose_profile(options, splats) if entry.name == OWN else entry.name
    renderer = get_renderer(options.device, options.threads)
    with clock.stage("prepare"), progress.stage("prepare the renderer (first run: compile)"):
        warm_up(renderer, profile)
    with clock.stage("views"):
        path = None if isinstance(scene, Splats) else scene
        sources = (options.cameras, options.images)
        views = find_views(path, splats, renderer, *sources, progress, options.max_side)
    photograph = photograph_reader() if views.photographs else None
    job = Job(source, splats, options, profile, renderer, views, photograph, progress, clock)
    found = _search(job)
    if found.format is not None:
        job = replace(job, profile=found.format)
    path = None
    if output is not None and not options.dry_run:
        path = path_of(output, job.profile) if entry is AUTO else Path(output)
    decoded = _write(job, found.data, path)
    measured = _measure(job, job.splats, decoded, job.renderer)
    report = _report(job, found, (decoded.n, decoded.degree), measured, path)
    return CompressResult(found.data, report, path)


def _compress_in_blocks(
    scene: Splats | str | Path,
    output: str | Path | None,
    options: CompressOptions,
    progress: Progress,
    clock: StageClock,
) -> CompressResult:
    file, path = check_blocks(scene, options), None
    if output is not None and not options.dry_run:
        path = Path(output)
    with work_folder(path) as folder:
        done = compress_blocks(file, options, progress, clock, folder)
        if path is not None:
            with clock.stage("write"), progress.stage("write"):
                write_fgs(path, done.found.data)
        measured = _measure(done.job, done.original, done.decoded, done.renderer)
        size = (done.decoded.n, done.job.source.sh_degree)
        report = _report(done.job, done.found, size, measured, path)
    return CompressResult(done.found.data, report, path)


def _check_request(
    scene: Splats | str | Path, output: str | Path | None, options: CompressOptions
) -> SceneFormat:
    scores.get(options.score)
    segment_plan(options)  # its own checks
    choose_profile(options, None)
    entry = choose_format(options, output)
    if options.in_blocks:
        check_blocks(scene, options)
        if entry.name != OWN:
            raise UsageError("only a .fgs is made in blocks", found=entry.name)
    if output is not None and not options.dry_run:
        paths = [path_of(output, each) for each in CANDIDATES] if entry is AUTO else [output]
        for path in paths:
            ensure_output(path, options.force, [] if isinstance(scene, Splats) else [scene])
    return entry


def _open(scene: Splats | str | Path, options: CompressOptions) -> tuple[SceneFacts, Splats]:
    if isinstance(scene, Splats):
        columns = 14 + 3 * scene.sh.shape[1]  # with the normals that a .ply holds
        size = PLY_BYTES_PER_VALUE * columns * scene.n
        return SceneFacts("(in memory)", max(1, size), scene.n, scene.degree), scene
    file: SceneFile = open_scene(scene, drop_invalid=options.drop_invalid)
    facts = SceneFacts(
        Path(scene).name, scene_bytes(scene), file.splats.n, file.splats.degree, file.notes
    )
    return facts, file.splats


def _search(job: Job) -> Found:
    """The file that meets the target, by the profile asked for."""
    options, split = job.options, job.views.split
    if job.splats.n == 0:
        raise SceneError("the scene holds no Gaussians: there is nothing to compress")
    with job.clock.stage("look"), job.progress.stage("look at the original"):
        reference = job.views.reference_psnr(options.reference_psnr)
        meter = DropMeter(job.splats, split.search, job.renderer, job.photograph, reference)
    target = resolve_target(options, job.source.size_bytes, meter)
    return SEARCHES.get(job.profile, search_format)(job, target, meter)


def _write(job: Job, data: bytes, path: Path | None) -> Splats:
    """Writes the file, and decodes it from where it lies."""
    with job.clock.stage("write"), job.progress.stage("write"):
        own = job.profile in SEARCHES
        # what cannot be decoded must not replace anything
        decoded = decode_splats(data) if own else read_back(data, scene_formats.get(job.profile))
        if path is None:
            return decoded
        write_fgs(path, data)
        return read_fgs(path) if own else open_scene(path).splats


def _measure(job: Job, original: Scene, decoded: Scene, renderer: Renders[Scene]) -> Measured:
    """Quality on the report set, which nothing else has looked at, on the search set; pictures."""
    split, most = job.views.split, job.options.report_views
    cameras = split.report if most is None else thin_views(split.report, most)
    if not cameras:
        return None, None, ()

    def measure(views: Sequence[Camera], with_ssim: bool) -> Quality:
        return measure_quality(
            original,
            decoded,
            views,
            renderer,
            photographs=job.views.photographs,
            reference_psnr=job.views.reference_psnr(job.options.reference_psnr),
            with_ssim=with_ssim,
            progress=job.progress,
        )

    with job.clock.stage("report"):
        quality = measure(cameras, True)
        pictures = take_pictures(original, decoded, cameras, quality, renderer)
        return quality, measure(split.search, False), pictures


def _report(
    job: Job, found: Found, size: tuple[int, int], measured: Measured, path: Path | None
) -> Report:
    """All there is to say; `size` is Gaussians and degree of what was decoded."""
    options, result, data = job.options, found.result, found.data
    report_quality, search_quality, pictures = measured
    name = "(not written)" if path is None else path.name
    return Report(
        source=job.source,
        output=SceneFacts(name, len(data), *size),
        profile=job.profile,
        pruning_rate=result.best.setting.pruning_rate,
        sh_rate=result.best.setting.sh_rate,
        target=None if options.fixed else target_facts(*options.target, result, len(data)),
        plan=found.plan,
        repair=found.repair,
        report_quality=report_quality,
        search_quality=search_quality,
        search=search_steps(result),
        search_stopped="the setting was given" if options.fixed else result.stopped,
        bytes_by_attribute=bytes_by_attribute(data) if job.profile in SEARCHES else {},
        seconds_by_stage=job.clock.seconds,
        peak_memory_bytes=peak_memory_bytes(),
        renderer=job.renderer.name,
        cameras=job.views.source,
        versions=versions(),
        warnings=(*job.source.notes, *job.views.notes, *found.notes),
        pictures=pictures,
    )

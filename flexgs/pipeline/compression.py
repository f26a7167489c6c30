# SPDX-License-Identifier: Apache-2.0
"""compress(): read, look, score, search, write, decode what was written, measure, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flexgs.codec import decode_splats, read_fgs, write_fgs
from flexgs.core import Camera, Splats
from flexgs.errors import SceneError, UsageError
from flexgs.importance import scores
from flexgs.importance.sums import F32
from flexgs.io import SceneFile, ensure_output, ensure_suffix
from flexgs.io.files import file_size
from flexgs.options import CompressOptions
from flexgs.pipeline.candidates import Candidates, DropMeter
from flexgs.pipeline.clock import StageClock, peak_memory_bytes
from flexgs.pipeline.ranking import plan_rounds, rank, thin_views
from flexgs.pipeline.reporting import (
    bytes_by_attribute,
    search_steps,
    take_pictures,
    target_facts,
    versions,
)
from flexgs.pipeline.targets import resolve_target
from flexgs.pipeline.views import Views, find_views, photograph_reader
from flexgs.pipeline.warm_up import warm_up
from flexgs.progress import SILENT, Progress
from flexgs.quality import Quality, measure_quality
from flexgs.quant import SegmentPlan
from flexgs.render import Renderer, get_renderer
from flexgs.report import Picture, Report, SceneFacts
from flexgs.scenes import open_scene
from flexgs.search import Budget, MaxDrop, SearchResult, Space, find_setting
from flexgs.search.result import Evaluation

PLY_BYTES_PER_VALUE = 4
PROFILES = ("segment",)


@dataclass(frozen=True, eq=False)
class CompressResult:
    """The file's bytes, and what it took and cost."""

    data: bytes
    report: Report


@dataclass(frozen=True, eq=False)
class _Job:
    """Everything the stages share."""

    source: SceneFacts
    splats: Splats
    options: CompressOptions
    renderer: Renderer
    views: Views
    photograph: Callable[[Camera], F32] | None
    progress: Progress
    clock: StageClock


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
        output: where the .fgs goes, as a whole or not at all; None or `options.dry_run`: nowhere.

    Raises:
        UsageError: options, output or score cannot be used; checked before any work.
        FormatError, SceneError: the scene, its cameras or photographs cannot be used.
        SearchError: no setting meets the target, unless `options.best_effort`.
    """
    options = options or CompressOptions()
    clock = StageClock()
    _check_request(scene, output, options)
    with clock.stage("read"), progress.stage("read"):
        source, splats = _open(scene, options)
    renderer = get_renderer(options.device, options.threads)
    with clock.stage("prepare"), progress.stage("prepare the renderer (first run: compile)"):
        warm_up(renderer)
    with clock.stage("views"):
        path = None if isinstance(scene, Splats) else scene
        views = find_views(path, splats, renderer, options.cameras, options.images, progress)
    photograph = photograph_reader() if views.photographs else None
    job = _Job(source, splats, options, renderer, views, photograph, progress, clock)
    candidates, result = _search(job)
    with clock.stage("encode"), progress.stage("encode"):
        data = candidates.encode(result.best.setting, result.best.drop_db, "best")
    decoded = _write(job, data, output)
    return CompressResult(data, _report(job, result, data, decoded, output))


def _check_request(
    scene: Splats | str | Path, output: str | Path | None, options: CompressOptions
) -> None:
    scores.get(options.score)
    _plan(options)  # its own checks
    if options.profile not in PROFILES:
        raise UsageError("unknown profile", expected=" | ".join(PROFILES), found=options.profile)
    if output is not None and not options.dry_run:
        ensure_output(output, options.force, [] if isinstance(scene, Splats) else [scene])
        ensure_suffix(output, ".fgs")


def _open(scene: Splats | str | Path, options: CompressOptions) -> tuple[SceneFacts, Splats]:
    if isinstance(scene, Splats):
        columns = 14 + 3 * scene.sh.shape[1]  # with the normals that a .ply holds
        size = PLY_BYTES_PER_VALUE * columns * scene.n
        return SceneFacts("(in memory)", max(1, size), scene.n, scene.degree), scene
    file: SceneFile = open_scene(scene, drop_invalid=options.drop_invalid)
    facts = SceneFacts(
        Path(scene).name, file_size(scene), file.splats.n, file.splats.degree, file.notes
    )
    return facts, file.splats


def _plan(options: CompressOptions) -> SegmentPlan:
    plan = SegmentPlan(segments=options.segments, codec=options.codec, level=options.level)
    return plan.with_bits(options.bits)


def _search(job: _Job) -> tuple[Candidates, SearchResult]:
    """Ranks all Gaussians, then finds the setting."""
    options, split = job.options, job.views.split
    if job.splats.n == 0:
        raise SceneError("the scene holds no Gaussians: there is nothing to compress")
    with job.clock.stage("look"), job.progress.stage("look at the original"):
        reference = job.views.reference_psnr(options.reference_psnr)
        meter = DropMeter(job.splats, split.search, job.renderer, job.photograph, reference)
    target = resolve_target(options, job.source.size_bytes, meter)
    limit = target.db if isinstance(target, MaxDrop) else None
    rounds = plan_rounds(options.score, limit, options.pruning_rate)
    with job.clock.stage("score"):
        ranking = rank(
            job.splats,
            split.scoring,
            job.renderer,
            options.score,
            rounds,
            job.photograph,
            job.progress,
        )
    candidates = Candidates(job.splats, ranking, _plan(options), meter, _facts(job))
    sh_rate = options.sh_rate if job.splats.degree else 0.0
    budget = Budget(options.max_evaluations, options.time_budget_s)
    with (
        job.clock.stage("search"),
        job.progress.stage("search", total=1 if options.fixed else budget.max_evaluations) as tick,
    ):

        def on_evaluation(_: Evaluation) -> None:
            tick(1)

        result = find_setting(
            candidates.distortion,
            candidates.size,
            target,
            space=Space.fixing(options.pruning_rate, sh_rate),
            budget=budget,
            best_effort=options.best_effort or options.fixed,
            on_evaluation=on_evaluation,
        )
    return candidates, result


def _facts(job: _Job) -> dict[str, object]:
    """What the file says of where it comes from."""
    return {
        "score": job.options.score,
        "drop_from": "photographs" if job.views.photographs else "renders",
        "cameras": "invented" if job.views.invented else "given",
        "original_bytes": job.source.size_bytes,
        "original_gaussians": job.source.gaussians,
    }


def _write(job: _Job, data: bytes, output: str | Path | None) -> Splats:
    """Writes the file, and decodes it from where it lies."""
    with job.clock.stage("write"), job.progress.stage("write"):
        if output is None or job.options.dry_run:
            return decode_splats(data)
        decode_splats(data)  # what cannot be decoded must not replace anything
        write_fgs(output, data)
        return read_fgs(output)


def _measure(
    job: _Job, decoded: Splats
) -> tuple[Quality | None, Quality | None, tuple[Picture, ...]]:
    """Quality on the report set, which nothing else has looked at, on the search set; pictures."""
    split, most = job.views.split, job.options.report_views
    cameras = split.report if most is None else thin_views(split.report, most)
    if not cameras:
        return None, None, ()

    def measure(views: Sequence[Camera], with_ssim: bool) -> Quality:
        return measure_quality(
            job.splats,
            decoded,
            views,
            job.renderer,
            photographs=job.views.photographs,
            reference_psnr=job.views.reference_psnr(job.options.reference_psnr),
            with_ssim=with_ssim,
            progress=job.progress,
        )

    with job.clock.stage("report"):
        quality = measure(cameras, True)
        pictures = take_pictures(job.splats, decoded, cameras, quality, job.renderer)
        return quality, measure(split.search, False), pictures


def _report(
    job: _Job, result: SearchResult, data: bytes, decoded: Splats, output: str | Path | None
) -> Report:
    """Measures the decoded file, and says all there is to say."""
    options = job.options
    report_quality, search_quality, pictures = _measure(job, decoded)
    name = "(not written)" if output is None or options.dry_run else Path(output).name
    return Report(
        source=job.source,
        output=SceneFacts(name, len(data), decoded.n, decoded.degree),
        profile=options.profile,
        pruning_rate=result.best.setting.pruning_rate,
        sh_rate=result.best.setting.sh_rate,
        target=None if options.fixed else target_facts(*options.target, result, len(data)),
        plan=_plan(options).to_dict(),
        report_quality=report_quality,
        search_quality=search_quality,
        search=search_steps(result),
        search_stopped="the setting was given" if options.fixed else result.stopped,
        bytes_by_attribute=bytes_by_attribute(data),
        seconds_by_stage=job.clock.seconds,
        peak_memory_bytes=peak_memory_bytes(),
        renderer=job.renderer.name,
        cameras=job.views.source,
        versions=versions(),
        warnings=(*job.source.notes, *job.views.notes),
        pictures=pictures,
    )

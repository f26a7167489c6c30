# SPDX-License-Identifier: Apache-2.0
"""compress and decompress of a baseline: everything around the method itself."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from flexgs.bench.baselines.model import Baseline, Job, Measured, Outcome, Setting, Trials
from flexgs.core import Splats
from flexgs.errors import FormatError, SceneError, SearchError, UsageError
from flexgs.io import atomic_write, ensure_output, write_ply
from flexgs.io.files import ensure_suffix, read_limited
from flexgs.limits import DEFAULT_LIMITS
from flexgs.options import CompressOptions
from flexgs.pipeline.job import peak_memory_bytes
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.views import Views, find_views, photograph_reader
from flexgs.progress import SILENT, Progress
from flexgs.render import get_renderer
from flexgs.scenes import open_scene, scene_bytes


def compress(
    baseline: Baseline,
    scene: str | Path,
    output: str | Path,
    options: CompressOptions,
    choices: argparse.Namespace,
    progress: Progress = SILENT,
) -> dict[str, object]:
    """Writes the file, as a whole or not at all; -> what `--json` shows.

    Args:
        options: of these: cameras, images, max_side, reference_psnr, device, threads, drop_invalid,
            force, best_effort, and the target's drop.
        choices: what `baseline.add_options` adds.

    Raises:
        UsageError: options or output cannot be used; checked before any work.
        FormatError, SceneError: the scene, its cameras or photographs cannot be used.
        SearchError: no setting meets the target, unless `options.best_effort`.
    """
    started = time.perf_counter()
    fixed = baseline.is_fixed(choices)
    if fixed and options.target_psnr_drop is not None:
        raise UsageError("--target-psnr-drop contradicts a fixed setting")
    ensure_output(output, options.force, [scene])
    splats = open_scene(scene, drop_invalid=options.drop_invalid).splats
    if splats.n == 0:
        raise SceneError("the scene holds no Gaussians: there is nothing to compress", path=scene)
    job, views, drop = prepare(scene, splats, options, progress)
    trials = Trials(measurer(baseline, job, choices, drop), None if fixed else options.target[1])
    baseline.search(trials, choices)
    found = trials.outcome()
    if not found.trial.met and not options.best_effort:
        raise SearchError(
            f"{baseline.name} has no setting that meets the target",
            expected=f"a drop of at most {trials.target_db:g} dB",
            found=f"{found.trial.drop_db:.3f} dB at best",
            hint="--best-effort writes that one",
        )
    with atomic_write(output) as file:
        file.write(found.encoded.data)
    size = scene_bytes(scene)
    return {
        **_facts(baseline, found, trials.target_db),
        "original_bytes": size,
        "original_gaussians": splats.n,
        "ratio": size / len(found.encoded.data),
        "drop_from": "photographs" if views.photographs else "renders",
        "search_views": len(views.split.search),
        "scoring_views": len(views.split.scoring),
        "notes": list(views.notes),
        "seconds": time.perf_counter() - started,
        "peak_memory_bytes": peak_memory_bytes(),
    }


def prepare(
    scene: str | Path, splats: Splats, options: CompressOptions, progress: Progress = SILENT
) -> tuple[Job, Views, DropMeter]:
    """What a method is given; the views; and the meter of drops on the search views.

    Raises:
        UsageError, FormatError, SceneError: no renderer, or cameras or photographs cannot be used.
    """
    renderer = get_renderer(options.device, options.threads)
    sources = (options.cameras, options.images)
    views = find_views(scene, splats, renderer, *sources, progress, options.max_side)
    photograph = photograph_reader() if views.photographs else None
    reference = views.reference_psnr(options.reference_psnr)
    with progress.stage("look at the original"):
        meter = DropMeter(splats, views.split.search, renderer, photograph, reference)
    return Job(splats, renderer, views.split.scoring, progress), views, meter


def measurer(
    baseline: Baseline, job: Job, choices: argparse.Namespace, drop: Callable[[Splats], float]
) -> Callable[[Setting], Measured]:
    """Scores once; -> what encodes a setting, decodes it from the bytes, and measures that."""
    encode = baseline.prepare(job, choices)

    def measure(setting: Setting) -> Measured:
        with job.progress.stage("try " + ", ".join(f"{k} {v:g}" for k, v in setting.items())):
            encoded = encode(setting)
            decoded = baseline.decode(encoded.data)
            return Measured(encoded, drop(decoded), decoded.n)

    return measure


def _facts(baseline: Baseline, found: Outcome, target_db: float | None) -> dict[str, object]:
    return {
        "baseline": baseline.name,
        "source": baseline.source,
        "bytes": len(found.encoded.data),
        "parts": dict(found.encoded.parts),
        "gaussians": found.trial.gaussians,
        "setting": dict(found.trial.setting),
        "search_drop_db": found.trial.drop_db,
        "target_psnr_drop": target_db,
        "met": found.trial.met,
        "evaluations": len(found.trials),
        "trials": [asdict(trial) for trial in found.trials],
    }


def decompress(
    baseline: Baseline, path: str | Path, output: str | Path, *, force: bool = False
) -> Mapping[str, object]:
    """Writes the .ply that the file alone gives; -> what `--json` shows.

    Raises:
        UsageError: a path cannot be used. FormatError: the file is not one of this baseline.
    """
    started = time.perf_counter()
    ensure_suffix(output, ".ply")
    ensure_output(output, force, [path])
    data = read_limited(path, DEFAULT_LIMITS.max_raw_bytes)
    try:
        splats = baseline.decode(data)
    except FormatError as error:
        error.path = str(path)
        raise
    decoded = time.perf_counter() - started
    write_ply(output, splats, force=force, inputs=[path])
    return {
        "baseline": baseline.name,
        "source": baseline.source,
        "bytes": len(data),
        "gaussians": splats.n,
        "sh_degree": splats.degree,
        "decode_seconds": decoded,
        "seconds": time.perf_counter() - started,
    }

# SPDX-License-Identifier: Apache-2.0
"""One job, in whatever process it runs: a task of plain values in, an outcome of plain values out.

Nothing heavy is imported before a task runs.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexgs import __version__
from flexgs.batch.inputs.settings import options_to_plain
from flexgs.batch.model import Job, plain_error
from flexgs.errors import FlexgsError, UsageError

if TYPE_CHECKING:
    from flexgs.report import Report

MAX_TRACE = 4000  # letters of a trace that a row keeps, the last ones


@dataclass(frozen=True)
class Task:
    """A job as another process, or another machine, can do it. Paths are absolute."""

    index: int  # of the job in its plan
    scene: str
    output: str
    report: str
    options: Mapping[str, Any]  # of `CompressOptions`, JSON values
    threads: int
    memory_bytes: int
    gpus: int
    version: str = __version__
    attempt: int = 1


@dataclass(frozen=True)
class Outcome:
    """How a task ended: a result, an error, or `lost`: the process that did it is gone."""

    task: Task
    seconds: float
    result: Mapping[str, Any] | None = None
    files: Mapping[str, str] | None = None  # absolute path: SHA-256
    error: Mapping[str, Any] | None = None
    lost: bool = False


def make_task(job: Job, index: int, folder: Path, threads: int, memory_bytes: int) -> Task:
    """The task of a job whose files go into `folder`."""
    options = options_to_plain(job.setting.options)
    for name in ("cameras", "images"):
        source = getattr(job.scene, name)
        if options[name] is None and source is not None:
            options[name] = source if source == "none" else str(Path(source).resolve())
    return Task(
        index=index,
        scene=str(job.scene.path.resolve()),
        output=str(folder.resolve() / job.output),
        report=str(folder.resolve() / job.report),
        options=options,
        threads=threads,
        memory_bytes=memory_bytes,
        gpus=int(job.setting.options.device == "cuda"),
    )


def run_task(task: Task) -> dict[str, Any]:
    """Compresses, writes file and report; `result`, `files`, `error` of an `Outcome`, as JSON."""
    try:
        return _compress(task)
    except FlexgsError as error:
        return {"error": plain_error(error)}
    except Exception as error:
        # whatever goes wrong with one scene is a row of the table, the rest goes on
        return {"error": plain_error(error) | {"trace": traceback.format_exc()[-MAX_TRACE:]}}


def _compress(task: Task) -> dict[str, Any]:
    if task.version != __version__:
        raise UsageError(
            "the worker has another version of flexgs", expected=task.version, found=__version__
        )
    from flexgs.batch.facts import file_digest
    from flexgs.options import CompressOptions, parse_source
    from flexgs.pipeline import compress
    from flexgs.report import write_report

    values = dict(task.options)
    values |= {name: parse_source(values[name]) for name in ("cameras", "images")}
    options = CompressOptions(**values, threads=task.threads, force=True)
    output, report = Path(task.output), Path(task.report)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FlexgsError(f"cannot be made: {error.strerror}", path=output.parent) from error
    started = time.perf_counter()
    done = compress(task.scene, output, options=options)
    seconds = time.perf_counter() - started
    write_report(done.report, report)
    written = [done.path or output, report]  # --format auto adds a suffix
    files = {str(path): file_digest(path) for path in written}
    return {"result": summarise(done.report) | {"compress_seconds": seconds}, "files": files}


def summarise(report: Report) -> dict[str, Any]:
    """What tables need of a report: sizes in bytes, PSNR and drops in dB, as JSON values."""
    from flexgs.report.to_json import to_plain

    quality, search = report.report_quality, report.search_quality
    values: dict[str, Any] = {
        "source_bytes": report.source.size_bytes,
        "bytes": report.output.size_bytes,
        "ratio": report.ratio,
        "source_gaussians": report.source.gaussians,
        "gaussians": report.output.gaussians,
        "reached": None if report.target is None else report.target.reached,
        "search_drop_db": None if search is None else search.drop_db,
        "evaluations": len(report.search),
        "peak_memory_bytes": report.peak_memory_bytes,
        "cameras": report.cameras,
        "renderer": report.renderer,
        "versions": dict(report.versions),
        "warnings": list(report.warnings),
    }
    if quality is not None:
        values |= {
            "views": len(quality.views),
            "drop_db": quality.drop_db,
            "estimate": quality.is_estimate,
            "psnr_renders": quality.psnr_renders,
            "psnr_original": quality.psnr_original_photo,
            "psnr": quality.psnr_compressed_photo,
            "ssim_renders": quality.ssim_renders,
            "ssim_original": quality.ssim_original_photo,
            "ssim": quality.ssim_compressed_photo,
        }
    plain: dict[str, Any] = to_plain(values)
    return plain

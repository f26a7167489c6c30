# SPDX-License-Identifier: Apache-2.0
"""One job: encoded by a command, decoded by a command, measured as decoded from the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flexgs.batch import Row
from flexgs.batch.facts import file_digest
from flexgs.batch.machine import available_cores
from flexgs.batch.model import plain_error
from flexgs.bench.measuring import Judge, evaluate_command
from flexgs.bench.model import Command, CommandFailed, Method, Place, Setup, TimedOut
from flexgs.bench.planning import Job
from flexgs.bench.running.process import Ran, run_command
from flexgs.bench.running.showing import names_of, show_command
from flexgs.core import Splats
from flexgs.errors import FlexgsError
from flexgs.scenes import read_scene

BUSY = 0.1  # of the processors, taken by other work: seconds are then marked


def run_job(job: Job, judge: Judge, setup: Setup, folder: Path) -> Row:
    """Runs it; what goes wrong is a row with its error. Its file is then in `folder`.

    Raises:
        FlexgsError: this machine cannot start processes or write into `folder`.
    """
    (folder / job.scene.name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
        name = Path(job.output).name
        place = Place(job.scene, Path(work, name), Path(work, "decoded.ply"), Path(work))
        ran: list[Ran] = []
        try:
            result = _run(job, place, judge, setup, ran)
        except FlexgsError as error:
            return _row(job, ran, error=plain_error(error) | _shown(job, place, setup))
        target = folder / job.output
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(place.encoded, target)
    names = sorted(path for path in (target.rglob("*") if target.is_dir() else [target]))
    files = {p.relative_to(folder).as_posix(): file_digest(p) for p in names if p.is_file()}
    return _row(job, ran, result=result, files=files)


def decode_again(job: Job, setup: Setup, folder: Path) -> Splats:
    """The Gaussians of a file that is there, by the method's own decoder; nothing is measured.

    Raises:
        FlexgsError: it fails.
    """
    with tempfile.TemporaryDirectory(prefix=".work-", dir=folder) as work:
        place = Place(job.scene, folder / job.output, Path(work, "decoded.ply"), Path(work))
        _run_all(job.method.decode(place, setup), job.method, setup, [], (0,))
        return read_scene(place.decoded)


def _run(job: Job, place: Place, judge: Judge, setup: Setup, ran: list[Ran]) -> dict[str, Any]:
    method = job.method
    encoders = method.encode(job.point, place, setup)
    encoded = _run_all(encoders, method, setup, ran, method.exit_codes)
    size = disk_bytes(place.encoded)
    if size == 0:
        raise CommandFailed(f"no file was written: {encoded[-1].why}")
    decoded = _run_all(method.decode(place, setup), method, setup, ran, (0,))
    other = read_scene(place.decoded)
    busy = max((run.others or 0.0 for run in encoded), default=0.0)
    return {
        "method": method.name,
        "point": job.point.name,
        "words": job.point.words,
        "target_db": job.point.target_db,
        "missed": encoded[-1].returncode != 0,
        "source_bytes": disk_bytes(job.scene.path),
        "bytes": size,
        "source_gaussians": judge.splats.n,
        "gaussians": other.n,
        "evaluations": method.evaluations(encoded[-1].stdout),
        "encode": _cost(encoded),
        "decode": _cost(decoded),
        "others": round(busy, 2),
        "busy": busy > BUSY * available_cores(),
        "version": method.version(setup),
        **_shown(job, place, setup),
        **judge.measure(other),
    }


def _run_all(
    commands: Sequence[Command],
    method: Method,
    setup: Setup,
    ran: list[Ran],
    exit_codes: tuple[int, ...],
) -> list[Ran]:
    """Runs them in order; adds them to `ran` as they end."""
    limit = setup.limit_s if method.kind == "tool" else None
    done = []
    for command in commands:
        run = run_command(command, limit)
        ran.append(run)
        done.append(run)
        if run.timed_out:
            raise TimedOut(f"not done in {limit:g} seconds, then ended")
        if run.returncode not in exit_codes:
            raise CommandFailed(run.why)
    return done


def _cost(runs: Sequence[Ran]) -> dict[str, float | None]:
    """Seconds of all commands, the memory of the largest process."""
    cpu = [run.cpu_seconds for run in runs if run.cpu_seconds is not None]
    peaks = [run.peak_bytes for run in runs if run.peak_bytes is not None]
    return {
        "seconds": round(sum(run.seconds for run in runs), 3),
        "cpu_seconds": round(sum(cpu), 3) if len(cpu) == len(runs) else None,
        "peak_bytes": max(peaks, default=None),
    }


def _shown(job: Job, place: Place, setup: Setup) -> dict[str, Any]:
    """The commands behind the numbers."""
    names = names_of(place, setup)
    encoders = job.method.encode(job.point, place, setup)
    decoders = job.method.decode(place, setup)
    measured = [evaluate_command(job.scene, place.decoded, setup, v) for v in ("report", "search")]
    steps = {"encode": encoders, "decode": decoders, "measure": measured}
    return {"commands": {k: [show_command(c, names) for c in v] for k, v in steps.items()}}


def disk_bytes(path: Path) -> int:
    """Of a file, or of all files in a folder; 0 where there is none."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size if path.is_file() else 0


def _row(
    job: Job,
    ran: Sequence[Ran],
    *,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
) -> Row:
    seconds = round(sum(run.seconds for run in ran), 3)
    return Row(*job.id, job.key, seconds, 1, files or {}, result, error)

# SPDX-License-Identifier: Apache-2.0
"""Strips of pictures: a crop of the worst view, as it was and as each method leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.batch import BatchScene
from flexgs.bench.measuring import Judge, open_judge
from flexgs.bench.planning import Job
from flexgs.bench.report.outcome import Outcome
from flexgs.bench.work import decode_again
from flexgs.errors import FlexgsError
from flexgs.quality import read_photograph
from flexgs.report.model import format_bytes
from flexgs.report.pictures import data_uri

F32 = npt.NDArray[np.float32]
SIDE = 240  # pixels of a crop
SHOWN_DB = 1.0  # the file shown of a method is the one nearest to this drop
STEP = 16  # pixels between crops that are tried


@dataclass(frozen=True)
class Cell:
    """One crop."""

    label: str
    words: str
    picture: str  # data URI


@dataclass(frozen=True)
class Strip:
    """Crops of one view."""

    scene: str
    view: str
    drop_db: float  # that files were chosen by
    cells: tuple[Cell, ...]


def make_strips(outcome: Outcome, folder: Path) -> tuple[Strip, ...]:
    """One for every scene with a file; files are decoded again for it.

    A file that no longer can be read is left out: its numbers stand in the tables.
    """
    strips = (_strip(outcome, scene, folder) for scene in outcome.plan.scenes)
    return tuple(strip for strip in strips if strip is not None)


def shown_drop(outcome: Outcome) -> float:
    """Of the drops asked for, the one nearest to `SHOWN_DB`."""
    return min(outcome.drops, key=lambda drop: abs(drop - SHOWN_DB))


def choose_files(outcome: Outcome, scene: BatchScene) -> list[tuple[Job, dict[str, Any]]]:
    """Of every method the file that is nearest to the drop that is shown."""
    drop = shown_drop(outcome)
    best: dict[str, tuple[float, Job, dict[str, Any]]] = {}
    for job, row in outcome.pairs:
        if job.scene != scene or row.result is None:
            continue
        far = abs(row.result["report"]["drop_db"] - drop)
        if job.method.name not in best or far < best[job.method.name][0]:
            best[job.method.name] = (far, job, dict(row.result))
    return [(job, result) for _, job, result in best.values()]


def worst_view(results: Sequence[dict[str, Any]]) -> str:
    """The test view that the files lose most in, on average.

    >>> files = [{"report": {"by_view": {"a": 1.0, "b": 0.5}}},
    ...     {"report": {"by_view": {"a": 0.0, "b": 0.9}}}]
    >>> worst_view(files)
    'b'
    """
    each: list[dict[str, float]] = [result["report"]["by_view"] for result in results]
    return max(sorted(each[0]), key=lambda name: fmean(views[name] for views in each))


def find_crop(errors: F32, side: int) -> tuple[slice, slice]:  # (h, w)
    """Where the window of `side` pixels has the largest sum, in steps.

    >>> errors = np.zeros((64, 64), np.float32)
    >>> errors[40:, 40:] = 1
    >>> find_crop(errors, 32)
    (slice(32, 64, None), slice(32, 64, None))
    """
    height, width = errors.shape
    sums = np.zeros((height + 1, width + 1))
    sums[1:, 1:] = errors.astype(np.float64).cumsum(0).cumsum(1)
    rows, columns = min(side, height), min(side, width)
    best, place = -1.0, (0, 0)
    for top in {*range(0, height - rows + 1, STEP), height - rows}:
        for left in {*range(0, width - columns + 1, STEP), width - columns}:
            bottom, right = top + rows, left + columns
            total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            if (total, -top, -left) > (best, -place[0], -place[1]):
                best, place = total, (top, left)
    return slice(place[0], place[0] + rows), slice(place[1], place[1] + columns)


def _strip(outcome: Outcome, scene: BatchScene, folder: Path) -> Strip | None:
    files = choose_files(outcome, scene)
    if not files:
        return None
    setup = outcome.plan.setup
    judge = open_judge(scene, setup, None)
    view = worst_view([result for _, result in files])
    original = judge.render(judge.splats, view)
    shown: list[tuple[Job, dict[str, Any], F32]] = []
    for job, result in files:
        try:
            other = decode_again(job, setup, folder)
        except FlexgsError:
            continue
        shown.append((job, result, judge.render(other, view)))
    errors = np.sum([np.abs(image - original).sum(axis=2) for *_, image in shown], axis=0)
    crop = find_crop(np.asarray(errors, np.float32), SIDE) if shown else (slice(SIDE), slice(SIDE))
    cells = [Cell("original", "", data_uri(original[crop]))]
    photo = _photograph(judge, view)
    if photo is not None:
        cells.insert(0, Cell("photograph", "", data_uri(photo[crop])))
    for job, result, image in shown:
        lost = result["report"]["by_view"][view]
        words = f"{format_bytes(result['bytes'])}, {lost:.2f} dB lost in this view"
        cells.append(Cell(f"{job.method.title}, {job.point.words}", words, data_uri(image[crop])))
    return Strip(scene.name, view, shown_drop(outcome), tuple(cells))


def _photograph(judge: Judge, view: str) -> F32 | None:
    if not judge.views.photographs:
        return None
    return read_photograph(next(c for c in judge.views.split.report if c.name == view))

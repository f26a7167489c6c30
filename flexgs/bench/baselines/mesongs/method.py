# SPDX-License-Identifier: Apache-2.0
"""Importance, pruning, and the bisection of its share. See the package's docstring."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from flexgs.bench.baselines.mesongs import file
from flexgs.bench.baselines.mesongs.codebook import MAX_ENTRIES
from flexgs.bench.baselines.mesongs.octree import MAX_DEPTH
from flexgs.bench.baselines.model import Baseline, Encoded, Job, Setting, Trial, Trials
from flexgs.core import Splats
from flexgs.errors import UsageError
from flexgs.importance import scores

F64 = npt.NDArray[np.float64]

DEPTH = 19
CODEBOOKS = (2048, 4096, 8192)  # the paper's range
VOLUME_POWER = 0.1  # beta
_VOLUME_QUANTILE = 0.1  # the element at 90 % of the descending order
_NEAR_ENOUGH = 0.95  # of the target: the bisection stops there
_MOST_TRIALS = 9  # the share is then known to 0.004


def measure_importance(job: Job, volume_power: float) -> F64:  # (n,)
    """Sum of alpha T over pixels and scoring views, times (V / V90)^volume_power."""
    with job.progress.stage("score", len(job.scoring)) as advance:
        seen = scores.get("blend-weight")(job.splats, job.scoring, job.renderer, None, advance)
    log_volumes = job.splats.log_scales.sum(axis=1, dtype=np.float64)
    middle = np.quantile(log_volumes, _VOLUME_QUANTILE, method="nearest")
    return np.asarray(seen * np.exp(volume_power * (log_volumes - middle)))


def prune(splats: Splats, importance: F64, share: float) -> tuple[Splats, F64]:
    """What is left without the least important, at least one; ties go in the scene's order."""
    rows = np.sort(np.argsort(importance, kind="stable")[int(share * splats.n) :])
    return splats.select(rows), importance[rows]


def bisect(attempt: Callable[[float], Trial], target_db: float) -> Trial | None:
    """Halves the pruning shares between one that meets the target and one that does not.

    Starts at 0: where that misses, no share is taken to meet. Ends near the target, or after so
    many trials.

    -> the last that met, if any.
    """
    low, high, middle = 0.0, 1.0, 0.0
    best = None
    for _ in range(_MOST_TRIALS):
        trial = attempt(middle)
        low, high = (middle, high) if trial.met else (low, middle)
        best = trial if trial.met else best
        if high == 0 or (trial.met and trial.drop_db >= _NEAR_ENOUGH * target_db):
            break
        middle = (low + high) / 2
    return best


def prepare(job: Job, choices: argparse.Namespace) -> Callable[[Setting], Encoded]:
    """Scores once; -> what encodes a setting."""
    importance = measure_importance(job, choices.volume_power)

    def encode(setting: Setting) -> Encoded:
        kept, weights = prune(job.splats, importance, setting["pruning_rate"])
        size = int(setting["codebook"])
        return file.encode(kept, weights, depth=choices.depth, codebook=size)

    return encode


def search(trials: Trials, choices: argparse.Namespace) -> None:
    """The largest pruning share that meets the target, with the codebook that is best at it.

    Codebooks are tried in ascending size until one gives a larger file than that before.
    """

    def attempt(size: int, share: float) -> Trial:
        return trials({"pruning_rate": share, "codebook": size})

    sizes = CODEBOOKS if choices.codebook is None else (choices.codebook,)
    if trials.target_db is None:
        attempt(sizes[0], choices.pruning_rate)
        return
    best = None
    for size in sizes:
        found = bisect(partial(attempt, size), trials.target_db)
        if best is not None and found is not None and found.size_bytes >= best.size_bytes:
            trials(best.setting)  # the last that meets the target is what counts
            return
        best = found or best


def is_fixed(choices: argparse.Namespace) -> bool:
    """The pruning share is given.

    Raises:
        UsageError: an option is out of range.
    """
    bounds = (
        ("depth", 1, MAX_DEPTH),
        ("codebook", 1, MAX_ENTRIES),
        ("volume_power", 0.0, 10.0),
    )
    for name, low, high in bounds:
        value = getattr(choices, name)
        if value is not None and not low <= value <= high:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} is out of range", expected=f"{low} to {high}", found=value)
    return choices.pruning_rate is not None


def add_options(parser: argparse.ArgumentParser) -> None:
    """What only this baseline has."""
    parser.add_argument(
        "--depth", type=int, default=DEPTH, help=f"of the octree; {DEPTH} by default"
    )
    parser.add_argument("--codebook", type=int, help=f"entries; the best of {CODEBOOKS} by default")
    parser.add_argument(
        "--volume-power",
        type=float,
        default=VOLUME_POWER,
        help=f"beta, which the paper sets per scene; {VOLUME_POWER} by default, as indoors",
    )


MESONGS = Baseline(
    name="mesongs",
    source="MesonGS without fine-tuning, arXiv 2409.09756, re-implemented from its description",
    add_options=add_options,
    is_fixed=is_fixed,
    prepare=prepare,
    search=search,
    decode=file.decode,
)

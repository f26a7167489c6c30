# SPDX-License-Identifier: Apache-2.0
"""Ranking, pruning, and the walk over fixed pairs of rates. See the package's docstring."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from flexgs.bench.baselines.flexgaussian import file
from flexgs.bench.baselines.model import Baseline, Encoded, Job, Setting, Trials
from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.errors import UsageError
from flexgs.importance.sums import sum_over_views

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# Pairs of (pruning rate, SH rate), both shares of all Gaussians, in ascending strength.
PAIRS = (
    *((0.2, 0.3), (0.1, 0.5), (0.2, 0.4), (0.3, 0.3), (0.1, 0.6), (0.2, 0.5), (0.3, 0.4)),
    *((0.4, 0.3), (0.2, 0.6), (0.3, 0.5), (0.4, 0.4), (0.3, 0.6), (0.4, 0.5), (0.5, 0.4)),
    *((0.6, 0.3), (0.5, 0.5), (0.6, 0.4), (0.7, 0.3), (0.8, 0.2), (0.9, 0.1)),
)
FIRST = 10
_VOLUME_POWER = 0.1
_VOLUME_QUANTILE = 0.1  # V90: the element at 90 % of the descending order
BOTH, PRUNING, QUANTISATION = "both", "pruning", "quantisation"


def prune(splats: Splats, order: I64, pruning_rate: float, sh_rate: float) -> tuple[Splats, int]:
    """The survivors, those with SH first, and how many these are.

    Args:
        order: (n,) all Gaussians, the least important first.
    """
    first = int(pruning_rate * splats.n)
    second = min(first + int(sh_rate * splats.n), splats.n)
    with_sh, without = np.sort(order[second:]), np.sort(order[first:second])
    return splats.select(np.concatenate([with_sh, without])), len(with_sh)


def walk(meets: Callable[[int], bool], count: int, first: int) -> None:
    """Tries settings by number: from `first` up as long as they meet, else down until one does.

    >>> tried = []
    >>> walk(lambda i: tried.append(i) or i < 5, 8, 4)
    >>> tried
    [4, 5]
    """
    index = first
    if meets(index):
        index += 1
        while index < count and meets(index):
            index += 1
    else:
        index -= 1
        while index >= 0 and not meets(index):
            index -= 1


def prepare(job: Job, choices: argparse.Namespace) -> Callable[[Setting], Encoded]:
    """Ranks once, where anything is pruned; -> what encodes a setting."""
    order = np.arange(job.splats.n) if choices.parts == QUANTISATION else rank(job)

    def encode(setting: Setting) -> Encoded:
        kept, with_sh = prune(job.splats, order, setting["pruning_rate"], setting["sh_rate"])
        return file.encode(kept, with_sh, quantised=choices.parts != PRUNING)

    return encode


def search(trials: Trials, choices: argparse.Namespace) -> None:
    """The strongest of the fixed pairs that meets the target, or the setting given."""
    if trials.target_db is None:
        trials(_setting((choices.pruning_rate or 0.0, choices.sh_rate or 0.0)))
    else:
        walk(lambda i: trials(_setting(PAIRS[i])).met, len(PAIRS), FIRST)


def _setting(pair: tuple[float, float]) -> Setting:
    return {"pruning_rate": pair[0], "sh_rate": pair[1]}


def rank(job: Job) -> I64:  # (n,)
    """All Gaussians, the least important first; ties in the scene's order."""
    with job.progress.stage("score", len(job.scoring)) as advance:
        hits = sum_over_views(job.splats, job.scoring, job.renderer, "hits", None, advance)
    opacities = sigmoid(job.splats.opacity_logits.astype(np.float64))
    return np.argsort(hits * opacities * volume_factors(job.splats), kind="stable")


def volume_factors(splats: Splats) -> F64:  # (n,) at most 1
    """min(V / V90, 1)^0.1 with V the product of the scales."""
    log_volumes = splats.log_scales.sum(axis=1, dtype=np.float64)
    middle = np.quantile(log_volumes, _VOLUME_QUANTILE, method="nearest")
    return np.asarray(np.exp(_VOLUME_POWER * np.minimum(log_volumes - middle, 0)))


def is_fixed(choices: argparse.Namespace) -> bool:
    """Both rates are given, or nothing is pruned.

    Raises:
        UsageError: one rate alone, or rates without pruning.
    """
    given = [rate is not None for rate in (choices.pruning_rate, choices.sh_rate)]
    if choices.parts == QUANTISATION and any(given):
        raise UsageError("--parts quantisation prunes nothing: no rates can be given")
    if any(given) and not all(given):
        raise UsageError("--pruning-rate and --sh-rate are given together, or searched together")
    return all(given) or choices.parts == QUANTISATION


def add_options(parser: argparse.ArgumentParser) -> None:
    """What only this baseline has."""
    parser.add_argument("--sh-rate", type=float, help="share of all Gaussians that lose their SH")
    parser.add_argument(
        "--parts",
        choices=(BOTH, PRUNING, QUANTISATION),
        default=BOTH,
        help="ablation: pruning into float32, or quantisation of all Gaussians",
    )


FLEXGAUSSIAN = Baseline(
    name="flexgaussian",
    source="FlexGaussian, arXiv 2507.06671, re-implemented from its description",
    add_options=add_options,
    is_fixed=is_fixed,
    prepare=prepare,
    search=search,
    decode=file.decode,
)

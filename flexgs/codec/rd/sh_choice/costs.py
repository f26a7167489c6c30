# SPDX-License-Identifier: Apache-2.0
"""What symbols cost in bits, learned from the symbols of the pass before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.sh_choice.expected import BUCKETS, TOTALS
from flexgs.codec.rd.sh_choice.search import SIZES

F64 = npt.NDArray[np.float64]

CLASSES = 24  # of the step, by half octaves: the finer the step, the more coefficients
BEFORE = 4  # what is known of the channels before
COUNT_CONTEXTS = CLASSES * TOTALS
_PRIOR = 8.0  # Gaussians that count as what all contexts have in common


@dataclass(frozen=True, eq=False)
class Statistics:
    """How often each thing happened."""

    counts: F64  # (3, COUNT_CONTEXTS, SIZES) coefficients of a channel
    places: F64  # (3, 2, SIZES) [kept, looked at] by place, of channels with any
    expected: F64  # (3, 2, BUCKETS) the same by what the neighbours expect
    signs: F64  # (3, BUCKETS, 2) as expected, or not
    sizes: F64  # (3, SIZES)


@dataclass(frozen=True, eq=False)
class Costs:
    """Bits, but odds where what is left of a Gaussian's places matters."""

    counts: F64  # (3, COUNT_CONTEXTS, SIZES)
    places: F64  # (3, SIZES) odds of a place
    expected: F64  # (3, BUCKETS) odds by what the neighbours expect
    signs: F64  # (3, BUCKETS, 2)
    sizes: F64  # (3, SIZES)


def no_statistics() -> Statistics:
    """Before the first symbol."""
    return Statistics(
        np.zeros((3, COUNT_CONTEXTS, SIZES)),
        np.zeros((3, 2, SIZES)),
        np.zeros((3, 2, BUCKETS)),
        np.zeros((3, BUCKETS, 2)),
        np.zeros((3, SIZES)),
    )


def first_costs() -> Costs:
    """Guesses for the first pass."""
    steps = np.arange(SIZES)
    return Costs(
        np.zeros((3, COUNT_CONTEXTS, SIZES)) + 1.0 + 2.5 * steps,
        np.ones((3, SIZES)),
        np.ones((3, BUCKETS)),
        np.ones((3, BUCKETS, 2)),
        np.zeros((3, SIZES)) + 1.5 * np.maximum(steps - 1, 0),
    )


def learn_costs(seen: Statistics) -> Costs:
    """Costs of the things as often as they were seen."""
    whole = seen.counts.sum(axis=1, keepdims=True) + 0.1
    counts = seen.counts + _PRIOR * whole / whole.sum(axis=2, keepdims=True)
    counts = -np.log2(counts / counts.sum(axis=2, keepdims=True))
    counts -= np.cumsum(np.log2(np.maximum(np.arange(SIZES), 1)))  # the order of places is free
    signs = seen.signs + 1.0
    sizes = seen.sizes + 4.0 * 0.5 ** np.arange(SIZES)
    sizes[:, 0] = 0.0
    sizes = -np.log2(np.maximum(sizes, 1e-9) / sizes.sum(axis=1, keepdims=True))
    return Costs(
        counts,
        _odds(seen.places),
        _odds(seen.expected),
        -np.log2(signs / signs.sum(axis=2, keepdims=True)),
        sizes,
    )


def _odds(seen: F64) -> F64:  # (3, 2, m) -> (3, m)
    """Odds relative to those of all together."""
    kept, looked = seen[:, 0], seen[:, 1]
    mean = (kept.sum(axis=1) + 1.0) / (looked.sum(axis=1) + 15.0)
    rate = (kept + 4.0 * mean[:, None]) / (looked + 4.0)
    rate = np.minimum(rate, 0.95)
    return np.asarray(rate / (1.0 - rate) / mean[:, None])

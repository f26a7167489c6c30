# SPDX-License-Identifier: Apache-2.0
"""How far scores agree on the order of Gaussians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

F64 = npt.NDArray[np.float64]


def rank_correlations(scores: Sequence[npt.NDArray[np.floating]]) -> F64:  # (m, m)
    """Spearman's correlation of every pair of scores (n,); ties share their mean rank.

    A score that is the same for all Gaussians orders nothing: its correlations are 0.

    >>> rank_correlations([np.array([1, 2, 3.0]), np.array([10, 30, 20.0])]).round(3).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    ranks = np.stack([rankdata(score) for score in scores])
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.sqrt((ranks * ranks).sum(axis=1, keepdims=True))
    unit = ranks / np.where(lengths > 0, lengths, 1)
    return np.asarray(unit @ unit.T)

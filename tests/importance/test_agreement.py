# SPDX-License-Identifier: Apache-2.0
"""Rank correlation against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from flexgs.importance.agreement import rank_correlations


def test_agrees_with_scipy_ties_included() -> None:
    rng = np.random.default_rng(5)
    scores = [rng.integers(0, 9, 200).astype(float), rng.normal(size=200), rng.random(200)]
    scores[2] += 0.5 * scores[1]
    found = rank_correlations(scores)
    assert found == pytest.approx(spearmanr(np.stack(scores, axis=1)).statistic, abs=1e-12)


def test_only_the_order_counts() -> None:
    values = np.arange(1, 20, dtype=np.float64)
    assert rank_correlations([values, np.exp(values), -(values**3)])[0].tolist() == (
        pytest.approx([1, 1, -1])
    )


def test_a_constant_score_agrees_with_nothing() -> None:
    assert rank_correlations([np.ones(5), np.arange(5.0)])[0].tolist() == [0, 0]

# SPDX-License-Identifier: Apache-2.0
"""Vector quantisation of SH beyond the base colour, weighted by importance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.io.formats.sog.palette import grow_tree, refine

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
F16 = npt.NDArray[np.float16]
U16 = npt.NDArray[np.uint16]

MAX_ENTRIES = 1 << 16
STEPS = 10  # of Lloyd
_LEAST_WEIGHT = 1e-6  # of the mean: Gaussians that no scoring view sees count as well


def fit_codebook(rows: F32, weights: F64, size: int) -> tuple[F16, U16]:  # (n, d), (n,)
    """((entries, d), (n,) entry of each row) with at most `size` entries. Deterministic."""
    if rows.shape[1] == 0:
        return np.zeros((1, 0), np.float16), np.zeros(len(rows), np.uint16)
    mean = weights.mean()
    relative = weights / mean if mean > 0 else np.ones(len(weights))
    checked = np.maximum(relative, _LEAST_WEIGHT).astype(np.float32)
    entries, labels = refine(rows, checked, grow_tree(rows, checked, size), size, STEPS)
    return entries.astype(np.float16), labels.astype(np.uint16)

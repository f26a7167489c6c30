# SPDX-License-Identifier: Apache-2.0
"""What lower SH degrees cost, for whole scenes and for single Gaussians, out of colour blocks.

With A the colour block of a Gaussian (`colour_blocks`), a change d of its coefficients costs
d^T A d a channel. Of coefficients K that stay and B that go, the best change of K is A_KK^-1 A_KB
h_B, and what is lost the Schur complement's h_B^T (A_BB - A_BK A_KK^-1 A_KB) h_B.

Source: docs/design.md, "Colour is linear".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flexgs.core import Splats
from flexgs.core.splats import SH_COEFFICIENTS
from flexgs.importance.colour import ColourCosts
from flexgs.importance.colour_blocks import packed_length
from flexgs.importance.sums import F32, F64

_ROWS = 1 << 13  # solved at a time
_TINY = 1e-12  # of a block's first number, on the diagonal: a Gaussian that no view saw


def project_degree(splats: Splats, blocks: F32, degree: int) -> Splats:
    """The scene in a lower degree, with the coefficients that look most like all of them.

    Args:
        splats: of `degree` or a higher one.
        blocks: (n, k (k + 1) / 2), with directions that no view saw (`add_unseen_view`).
    """
    kept = SH_COEFFICIENTS[degree]
    sh = splats.sh[:, :kept].copy()
    if degree < splats.degree:
        for start in range(0, splats.n, _ROWS):
            rows = slice(start, start + _ROWS)
            a = _unpack(blocks[rows], splats.sh.shape[1])
            lost = a[:, :kept, kept:] @ splats.sh[rows, kept:].astype(np.float64)
            diagonal = np.einsum("nii->ni", a[:, :kept, :kept])
            diagonal += _TINY * a[:, :1, 0] + np.finfo(np.float64).tiny
            sh[rows] += np.linalg.solve(a[:, :kept, :kept], lost)
    return replace(splats, sh=sh)


def sh_costs(splats: Splats, blocks: F32, removal: F64) -> ColourCosts:
    """What dropping all SH above DC costs, DC solved again.

    Args:
        blocks: see `project_degree`; of the scene's degree or of a higher one.
        removal: (n,) squared errors of removing the Gaussians themselves.
    """
    k = splats.sh.shape[1]
    cost, shift = np.zeros(splats.n), np.zeros((splats.n, 3), np.float32)
    for start in range(0, splats.n if k > 1 else 0, _ROWS):
        rows = slice(start, start + _ROWS)
        a = _unpack(blocks[rows, : packed_length(k)], k)
        rest = splats.sh[rows, 1:].astype(np.float64)
        first = (a[:, :1, 1:] @ rest)[:, 0]  # (rows, 3)
        moved = first / np.maximum(a[:, 0], np.finfo(np.float64).tiny)[:, :1]
        second = np.einsum("nkc,nkc->n", rest, a[:, 1:, 1:] @ rest)
        cost[rows] = np.maximum(second - np.einsum("nc,nc->n", first, moved), 0.0)
        shift[rows] = moved
    return ColourCosts(cost, shift, blocks[:, 0].astype(np.float64), removal)


def _unpack(blocks: F32, k: int) -> F64:  # (m, k (k + 1) / 2) -> (m, k, k)
    """Whole symmetric matrices of the lower triangles."""
    low = np.tril_indices(k)
    whole = np.zeros((len(blocks), k, k))
    whole[:, low[0], low[1]] = blocks
    whole[:, low[1], low[0]] = blocks
    return whole

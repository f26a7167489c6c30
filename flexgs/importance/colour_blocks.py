# SPDX-License-Identifier: Apache-2.0
"""The exact colour block of every Gaussian's Fisher matrix, summed over views.

The image is linear in colours: with S_iv = sum of (alpha T)^2 over the pixels of view v and Y_iv
the SH basis in that view, changing the colours of Gaussian i by d costs d^T A_i d per channel,
A_i = sum_v S_iv Y_iv Y_iv^T. All three channels share A_i.

Source: docs/design.md 3.4.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.compiling import CACHE
from flexgs.core import Camera, Splats
from flexgs.core.sh import sh_basis
from flexgs.importance.sums import F32

Rows = npt.NDArray[np.int64]


def packed_length(k: int) -> int:
    """Numbers in the lower triangle of a (k, k) block, row after row.

    >>> packed_length(16)
    136
    """
    return k * (k + 1) // 2


def empty_blocks(splats: Splats) -> F32:  # (n, k (k + 1) / 2)
    """Blocks before the first view."""
    return np.zeros((splats.n, packed_length(splats.sh.shape[1])), dtype=np.float32)


def add_view(
    blocks: F32,  # (n, k (k + 1) / 2), changed in place
    splats: Splats,
    camera: Camera,
    colour_weights: F32,  # (n,) S_iv
) -> None:
    """Adds what one view sees."""
    rows = np.flatnonzero(colour_weights > 0)
    directions = splats.means[rows] - camera.center.astype(np.float32)
    lengths = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    basis = sh_basis(directions / lengths, splats.degree).astype(np.float32)
    _add_products(blocks, rows, basis, colour_weights.astype(np.float32, copy=False))


@njit(cache=CACHE, nogil=True, error_model="numpy")
def _add_products(blocks: F32, rows: Rows, basis: F32, weights: F32) -> None:
    k = basis.shape[1]
    for r in range(len(rows)):
        block = blocks[rows[r]]
        place = 0
        for a in range(k):
            scaled = weights[rows[r]] * basis[r, a]
            for b in range(a + 1):
                block[place + b] += scaled * basis[r, b]
            place += a + 1


def add_unseen_view(blocks: F32, views: int) -> None:  # (n, k (k + 1) / 2), changed in place
    """Adds a view from an unknown direction, so that directions never seen are not free.

    The mean over all directions of Y Y^T is 1 / (4 pi) = Y_00^2 on the diagonal, so a view with the
    mean weight of those summed adds A_00 / views there.
    """
    k = round(((8 * blocks.shape[1] + 1) ** 0.5 - 1) / 2)
    diagonal = np.cumsum(np.arange(1, k + 1)) - 1
    blocks[:, diagonal[1:]] += blocks[:, :1] / np.float32(max(views, 1))

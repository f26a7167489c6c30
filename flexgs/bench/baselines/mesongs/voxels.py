# SPDX-License-Identifier: Apache-2.0
"""A grid over the bounding box; Gaussians of one cell are averaged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.morton import morton_cells, morton_codes

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Voxels:
    """One Gaussian a cell, in ascending order of the cells' Morton codes."""

    box: F32  # (2, 3) lowest and highest corner
    codes: U64  # (m,)
    splats: Splats  # (m,) means are not yet those of the cells
    weights: F64  # (m,) importances, added up


def voxelise(splats: Splats, weights: F64, depth: int) -> Voxels:  # at least one Gaussian
    """Averages attribute by attribute, also quaternions and logits, as the paper does."""
    box = np.stack([splats.means.min(axis=0), splats.means.max(axis=0)])
    extent = np.maximum(box[1].astype(np.float64) - box[0], np.finfo(np.float32).tiny)
    cells = np.floor((splats.means.astype(np.float64) - box[0]) / extent * 2**depth)
    all_codes = morton_codes(np.clip(cells, 0, 2**depth - 1).astype(np.int64))
    order = np.argsort(all_codes, kind="stable")
    codes, starts, counts = np.unique(all_codes[order], return_index=True, return_counts=True)

    merged = splats.select(order[starts])
    shared = counts > 1
    if shared.any():
        rows, own = order[np.repeat(shared, counts)], counts[shared]

        def mean(name: str) -> F32:
            values = getattr(merged, name).copy()
            members = getattr(splats, name)[rows].astype(np.float64)
            sums = np.add.reduceat(members, np.cumsum(own) - own, axis=0)
            values[shared] = sums / own.reshape(-1, *[1] * (values.ndim - 1))
            return np.asarray(values)

        merged = replace(
            merged,
            means=mean("means"),
            log_scales=mean("log_scales"),
            quats=mean("quats"),
            opacity_logits=mean("opacity_logits"),
            sh=mean("sh"),
        )
    return Voxels(box, codes, merged, np.add.reduceat(weights[order], starts))


def centres(codes: U64, box: F32, depth: int) -> F32:  # (m,) -> (m, 3)
    """Middles of cells; not finite where a hostile file's box is not.

    >>> centres(np.array([0, 7], np.uint64), np.array([[0, 0, 0], [4, 4, 4]], np.float32), 1)[1]
    array([3., 3., 3.], dtype=float32)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        extent = box[1].astype(np.float64) - box[0]
        middles = box[0] + (morton_cells(codes, 3) + 0.5) / 2**depth * extent
        return np.asarray(middles, np.float32)

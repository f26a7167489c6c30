# SPDX-License-Identifier: Apache-2.0
"""Space cut into boxes of a limited number of Gaussians, the same ones for all levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.rotations import normalize_quats, quats_to_matrices

F64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Node:
    """A box: two halves, or a leaf with its rows of each level."""

    children: tuple[Node, ...]
    rows: tuple[Rows, ...]  # of a leaf: row numbers in each level

    def leaves(self) -> Iterator[Node]:
        """All leaves, neighbours in space near each other."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


def cut_space(levels: list[Splats], most: int) -> Node:
    """Halves the Gaussians of the finest level along the longest side until a leaf has few enough.

    Args:
        levels: from fine to coarse, none empty.
        most: Gaussians of the finest level in a leaf; more where they all lie in one place.
    """
    means = [level.means for level in levels]
    return _cut(means, tuple(np.arange(level.n) for level in levels), most)


def _cut(means: list[npt.NDArray[np.float32]], rows: tuple[Rows, ...], most: int) -> Node:
    points = means[0][rows[0]]
    if len(points) <= most:
        return Node((), rows)
    axis = int(np.argmax(np.ptp(points, axis=0)))
    middle = np.median(points[:, axis])
    below = [level[each, axis] < middle for level, each in zip(means, rows, strict=True)]
    if not below[0].any():
        return Node((), rows)
    halves = [
        tuple(each[side == low] for each, side in zip(rows, below, strict=True))
        for low in (True, False)
    ]
    return Node((_cut(means, halves[0], most), _cut(means, halves[1], most)), ())


def bounds(splats: Splats) -> tuple[F64, F64]:
    """Corners of the box around all ellipsoids of one standard deviation, (3,) each."""
    axes = quats_to_matrices(normalize_quats(splats.quats.astype(np.float64)))
    spread = np.sqrt(np.einsum("nij,nj->ni", axes**2, np.exp(2.0 * splats.log_scales)))
    return (splats.means - spread).min(axis=0), (splats.means + spread).max(axis=0)

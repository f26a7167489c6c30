# SPDX-License-Identifier: Apache-2.0
"""Local blocks of the Fisher information in the coordinates that are quantised (encoder only)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.rotations import normalize_quats, quats_to_matrices
from flexgs.quant.adaptive.directions import find_faces
from flexgs.quant.adaptive.feedback import factor_blocks
from flexgs.quant.adaptive.levels import opacity_targets, scale_targets

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# What is rounded far off is no longer in the quadratic's reach: a prior of this many units of
# opacity, octaves, radians and standard deviations keeps it from being sent there.
_REACH = (0.2, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5)


# Moving a Gaussian, even along the line of sight, makes it change places with others in the order
# of depth, which no derivative sees: every direction counts this share of all three together.
_JOSTLE = 0.1
# The axes of a nearly round Gaussian may as well be the world's, which then take no bits at all:
# half a right angle is the furthest that they can be off. Bonsai made round: 4.1 % of the file.
_FURTHEST_TURN = np.pi / 4
_BATCH_ROWS = 1 << 14


@dataclass(frozen=True, eq=False)
class Targets:
    """Real values of n Gaussians in the quantised coordinates, and the blocks of their errors.

    The order of a block's 10 rows: x = alpha^(1/4), u of the three scales, rotation about the three
    axes (radians), position (scene units, world axes).
    """

    opacity: F64  # (n,)
    scales: F64  # (n, 3) u in octaves, largest scale first
    axes: F64  # (n, 3, 3) columns: the axes in the order of scales, right-handed
    blocks: F64  # (n, 10, 10)

    def select(self, rows: slice) -> Targets:
        """Views of the targets of some rows."""
        return Targets(self.opacity[rows], self.scales[rows], self.axes[rows], self.blocks[rows])


def batches(n: int) -> list[slice]:
    """Even parts of n rows: what is worked out for each takes little memory at a time."""
    count = max(-(-n // _BATCH_ROWS), 1)
    bounds = [n * k // count for k in range(count + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def sort_axes(splats: Splats) -> tuple[I64, F64, F64]:
    """Order of the axes by scale, largest first; sorted right-handed axes; the third one's sign."""
    order: I64 = np.argsort(-splats.log_scales, axis=1, kind="stable").astype(np.int64)
    axes: F64 = _matrices(splats)
    axes = np.take_along_axis(axes, order[:, None, :], axis=2)
    sign: F64 = np.sign(np.linalg.det(axes))
    axes[:, :, 2] *= sign[:, None]
    return order, axes, sign


def _matrices(splats: Splats) -> F64:
    unit = normalize_quats(splats.quats.astype(np.float64))
    return np.asarray(quats_to_matrices(unit), dtype=np.float64)


def find_targets(
    splats: Splats,
    fisher: npt.NDArray[np.floating],  # (n, 10, 10) of local means, log_scales, rotation, logit
    floor: int,
    lam: float,
    order: I64,  # (m,) which rows, in which order
) -> Targets:
    """Values and blocks in the quantised coordinates."""
    m = len(order)
    found = Targets(np.empty(m), np.empty((m, 3)), np.empty((m, 3, 3)), np.empty((m, 10, 10)))
    for rows in batches(m):
        own = order[rows]
        part = _find_batch(splats.select(own), fisher[own], floor, lam)
        found.opacity[rows], found.scales[rows] = part.opacity, part.scales
        found.axes[rows], found.blocks[rows] = part.axes, part.blocks
    return found


def _find_batch(
    splats: Splats, fisher: npt.NDArray[np.floating], floor: int, lam: float
) -> Targets:
    n = splats.n
    order, axes, sign = sort_axes(splats)
    world = _matrices(splats)
    opacity, slope = opacity_targets(splats.opacity_logits)
    sorted_scales = np.take_along_axis(splats.log_scales, order, axis=1)
    scales, slopes = scale_targets(sorted_scales, floor)
    rows = np.concatenate([np.full((n, 1), 9), 3 + order, 6 + order, np.tile([0, 1, 2], (n, 1))], 1)
    each = np.arange(n)[:, None, None]
    blocks = fisher[each, rows[:, :, None], rows[:, None, :]].astype(np.float64)
    factors = np.ones((n, 10))
    factors[:, 0], factors[:, 1:4], factors[:, 6] = slope, slopes, sign
    blocks *= factors[:, :, None] * factors[:, None, :]
    turns = np.trace(blocks[:, 4:7, 4:7], axis1=1, axis2=2)
    is_round = turns * _FURTHEST_TURN**2 < lam  # any turn is worth less than a bit
    axes[is_round] = np.eye(3)
    blocks[is_round, 4:7], blocks[is_round, :, 4:7] = 0.0, 0.0
    blocks[:, 7:, :] = np.einsum("nij,njk->nik", world, blocks[:, 7:, :])
    blocks[:, :, 7:] = np.einsum("nij,nkj->nik", blocks[:, :, 7:], world)
    blocks = 0.5 * (blocks + blocks.transpose(0, 2, 1))
    reach = np.empty((n, 10))
    reach[:, :7] = _REACH
    reach[:, 7:] = np.exp(np.maximum(sorted_scales[:, 1:2].astype(np.float64), -30.0))
    diagonal = np.arange(10)
    jostle = _JOSTLE * np.trace(blocks[:, 7:, 7:], axis1=1, axis2=2)
    blocks[:, diagonal[7:], diagonal[7:]] += jostle[:, None]
    blocks[:, diagonal, diagonal] += lam / reach**2
    return Targets(opacity, scales, axes, blocks)


def factor_first(targets: Targets) -> tuple[F64, F64]:  # (n, 4), (n, 4, 4)
    """D and M of what is rounded before the rotation."""
    n = len(targets.opacity)
    pivots, mixing = np.empty((n, 4)), np.empty((n, 4, 4))
    for rows in batches(n):
        part = factor_blocks(targets.blocks[rows])
        pivots[rows], mixing[rows] = part[0][:, :4], part[1][:, :4, :4]
    return pivots, mixing


def factor_turned(
    targets: Targets, poles: I64
) -> tuple[F64, npt.NDArray[np.int32], F64, F64]:  # (n, 3, 3), (n,), (n, 10), (n, 6, 10)
    """Axes and faces of `turn_blocks`, D of its blocks, and M from row 4 on."""
    n = len(targets.opacity)
    axes, faces = np.empty((n, 3, 3)), np.empty(n, np.int32)
    pivots, mixing = np.empty((n, 10)), np.empty((n, 6, 10))
    for rows in batches(n):
        turned, faces[rows] = turn_blocks(targets.select(rows), poles[rows])
        axes[rows] = turned.axes
        pivots[rows], whole = factor_blocks(turned.blocks)
        mixing[rows] = whole[:, 4:]
    return axes, faces, pivots, mixing


def turn_blocks(targets: Targets, poles: I64) -> tuple[Targets, npt.NDArray[np.int32]]:
    """Axes in the order of `pole_order`, the pole on its face's positive side, and the faces."""
    axes = np.take_along_axis(targets.axes, poles[:, None, :], axis=2)
    faces = find_faces(axes[:, :, 2])
    side = np.sign(np.take_along_axis(axes[:, :, 2], faces[:, None].astype(np.int64), axis=1))
    signs = np.ones((len(faces), 3))
    signs[:, [0, 2]] = side  # half a turn about y
    axes *= signs[:, None, :]
    rows = np.tile(np.arange(10), (len(faces), 1))
    rows[:, 4:7] = 4 + poles
    each = np.arange(len(faces))[:, None, None]
    blocks = targets.blocks[each, rows[:, :, None], rows[:, None, :]]
    blocks[:, 4:7, :] *= signs[:, :, None]
    blocks[:, :, 4:7] *= signs[:, None, :]
    return Targets(targets.opacity, targets.scales, axes, blocks), faces

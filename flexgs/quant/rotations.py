# SPDX-License-Identifier: Apache-2.0
"""Rotations as three numbers: of the 24 ways to name an ellipsoid's axes, the nearest to none.

Turning the axes by a rotation of the cube and permuting the scales with them leaves the ellipsoid
as it is. The turn that makes |w| largest always gives w >= 0.85, so x, y, z alone are stored, in a
small range, and w = sqrt(1 - x^2 - y^2 - z^2) is well conditioned.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from flexgs.core.rotations import normalize_quats, quats_to_matrices

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Float = npt.NDArray[np.floating]


def _cube_turns() -> F64:  # (24, 4) unit quaternions, one of each pair q, -q
    turns = []
    for signs in product((1, -1, 0), repeat=4):
        length = np.count_nonzero(signs) ** 0.5
        if length in (1, 2**0.5, 2) and next(s for s in signs if s) > 0:
            turns.append(np.array(signs) / length)
    return np.array(turns)


CUBE_TURNS = _cube_turns()
# Which axis of the turned ellipsoid was which: column j of a turn's matrix is +-the unit axis i.
TURNED_AXES = np.abs(quats_to_matrices(CUBE_TURNS)).argmax(axis=1)  # (24, 3)


def nearest_orientation(
    quats: F32,  # (n, 4) any length
    log_scales: F32,  # (n, 3)
) -> tuple[F32, F32]:  # quats (n, 4) unit with w >= 0.85, log_scales (n, 3)
    """The same ellipsoids, their axes renamed so that each rotation is the smallest possible.

    >>> q, s = nearest_orientation(np.float32([[0, 1, 0, 0]]), np.float32([[1, 2, 3]]))
    >>> q.tolist(), s.tolist()
    ([[1.0, 0.0, 0.0, 0.0]], [[1.0, 2.0, 3.0]])
    """
    unit = normalize_quats(quats.astype(np.float64))
    w, x, y, z = unit.T
    best = np.full(len(unit), -1.0)
    chosen = np.zeros(len(unit), np.intp)
    for index, (a, b, c, d) in enumerate(CUBE_TURNS):
        closeness = np.abs(w * a - x * b - y * c - z * d)  # |w| of unit * turn
        better = closeness > best + 1e-9  # a margin: ties must not hang on rounding
        best[better], chosen[better] = closeness[better], index
    turned = normalize_quats(_multiply(unit, CUBE_TURNS[chosen])) + 0.0  # no -0.0
    scales = np.take_along_axis(log_scales, TURNED_AXES[chosen], axis=1)
    return turned.astype(np.float32), scales


def name_axes_like(
    quats: F32,  # (n, 4) unit
    log_scales: F32,  # (n, 3)
    like: F32,  # (n, 4) unit
) -> tuple[F32, F32]:  # quats (n, 4), log_scales (n, 3)
    """The same ellipsoids, their axes renamed so that each rotation is the nearest to `like`.

    >>> turned = np.float32([[0.7071068, 0.7071068, 0, 0]])  # y becomes z
    >>> q, s = name_axes_like(turned, np.float32([[1, 2, 3]]), np.float32([[1, 0, 0, 0]]))
    >>> q.round(3).tolist(), s.tolist()
    ([[1.0, 0.0, 0.0, 0.0]], [[1.0, 3.0, 2.0]])
    """
    back = like.astype(np.float64) * np.array([1, -1, -1, -1])
    between = _multiply(back, quats.astype(np.float64)).astype(np.float32)
    between, scales = nearest_orientation(between, log_scales)
    return _multiply(like.astype(np.float64), between.astype(np.float64)).astype(np.float32), scales


def _multiply(a: Float, b: Float) -> Float:  # (n, 4), (n, 4) -> (n, 4) Hamilton product
    aw, ax, ay, az = a.T
    bw, bx, by, bz = b.T
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=1,
    )


def fill_w(quats: F32) -> None:  # (n, 4), w is written
    """w = sqrt(max(0, 1 - x^2 - y^2 - z^2)), float32 in this order, in place."""
    x, y, z = quats[:, 1], quats[:, 2], quats[:, 3]
    with np.errstate(over="ignore"):
        rest = np.float32(1) - (x * x + y * y + z * z)
    quats[:, 0] = np.sqrt(np.maximum(rest, np.float32(0)))

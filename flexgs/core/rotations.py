# SPDX-License-Identifier: Apache-2.0
"""Quaternions w, x, y, z and rotation matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.floating]

_SHORT = 1e-15  # squares of shorter quaternions lose digits in a float32
_QUARTER_TURNS = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}


def normalize_quats(quats: Float) -> Float:  # (n, 4) -> (n, 4)
    """Unit quaternions with w >= 0 (q and -q are the same rotation).

    >>> normalize_quats(np.array([[-2.0, 0, 0, 0]])).tolist()
    [[1.0, -0.0, -0.0, -0.0]]
    """
    unit = _to_unit_length(quats)
    return np.asarray(np.where(unit[:, :1] < 0, -unit, unit), dtype=quats.dtype)


def quats_to_matrices(quats: Float) -> Float:  # (n, 4) wxyz, any length -> (n, 3, 3)
    """Rotation matrices.

    >>> quats_to_matrices(np.array([[1.0, 0, 0, 0]]))[0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    w, x, y, z = _to_unit_length(quats).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.asarray(np.moveaxis(np.array(rows), -1, 0), dtype=quats.dtype)


def _to_unit_length(quats: Float) -> Float:
    """Rows of length 1, also of those whose squares a float32 cannot hold; NaN for (0, 0, 0, 0)."""
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(quats, axis=1, keepdims=True)
    extreme = ~((lengths > _SHORT) & np.isfinite(lengths))[:, 0]
    if extreme.any():
        largest = np.abs(quats[extreme]).max(axis=1, keepdims=True)
        quats = quats.copy()
        quats[extreme] /= np.where(largest > 0, largest, 1)
        lengths = np.linalg.norm(quats, axis=1, keepdims=True)
    return np.asarray(quats / lengths, dtype=quats.dtype)


def euler_to_matrix(degrees: Sequence[float]) -> npt.NDArray[np.float64]:  # (3,) -> (3, 3)
    """The turn about x, then about y, then about z, all of them axes that stand still: Rz Ry Rx.

    Right-handed: 90 degrees about z take x to y. Quarter turns are exact.

    >>> euler_to_matrix((0, 0, 90)).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    matrix = np.eye(3)
    for axis, angle in enumerate(degrees):
        radians = np.radians(angle)
        c, s = _QUARTER_TURNS.get(float(angle % 360), (np.cos(radians), np.sin(radians)))
        turn = np.eye(3)
        second, third = (axis + 1) % 3, (axis + 2) % 3
        turn[second, second] = turn[third, third] = c
        turn[third, second], turn[second, third] = s, -s
        matrix = turn @ matrix
    return matrix + 0.0  # no -0

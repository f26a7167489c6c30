# SPDX-License-Identifier: Apache-2.0
"""Quaternions w, x, y, z and rotation matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.floating]


def normalize_quats(quats: Float) -> Float:  # (n, 4) -> (n, 4)
    """Unit quaternions with w >= 0 (q and -q are the same rotation).

    >>> normalize_quats(np.array([[-2.0, 0, 0, 0]])).tolist()
    [[1.0, -0.0, -0.0, -0.0]]
    """
    unit = quats / np.linalg.norm(quats, axis=1, keepdims=True)
    return np.asarray(np.where(unit[:, :1] < 0, -unit, unit), dtype=quats.dtype)


def quats_to_matrices(quats: Float) -> Float:  # (n, 4) wxyz, any length -> (n, 3, 3)
    """Rotation matrices.

    >>> quats_to_matrices(np.array([[1.0, 0, 0, 0]]))[0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    w, x, y, z = (quats / np.linalg.norm(quats, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.asarray(np.moveaxis(np.array(rows), -1, 0), dtype=quats.dtype)

# SPDX-License-Identifier: Apache-2.0
"""Quaternions <-> three Euler angles: roll about x, pitch about y, yaw about z, R = Rz Ry Rx."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def quats_to_angles(quats: F64) -> F64:  # (n, 4) wxyz, any length -> (n, 3) radians
    """Angles in (-pi, pi], the pitch in [-pi/2, pi/2]; a quaternion of length 0 does not turn.

    >>> quats_to_angles(np.array([[1.0, 1, 0, 0], [0, 0, 0, 0]])).round(4).tolist()
    [[1.5708, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    lengths = np.linalg.norm(quats, axis=1, keepdims=True)
    still = np.array([1.0, 0, 0, 0])
    w, x, y, z = np.where(lengths > 0, quats / np.where(lengths > 0, lengths, 1), still).T
    roll = np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2 * (w * y - z * x), -1, 1))
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return np.stack([roll, pitch, yaw], axis=1)


def angles_to_quats(angles: F64) -> F64:  # (n, 3) radians -> (n, 4) wxyz
    """Unit quaternions of the same rotations.

    >>> angles_to_quats(np.array([[np.pi, 0.0, 0.0]])).round(4).tolist()
    [[0.0, 1.0, 0.0, 0.0]]
    """
    (cr, cp, cy), (sr, sp, sy) = np.cos(angles / 2).T, np.sin(angles / 2).T
    w, x = cr * cp * cy + sr * sp * sy, sr * cp * cy - cr * sp * sy
    y, z = cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy
    return np.stack([w, x, y, z], axis=1)

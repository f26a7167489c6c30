# SPDX-License-Identifier: Apache-2.0
"""Blocks of an SPZ file -> arrays. Rows go in batches that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from flexgs.core.activations import logit
from flexgs.errors import Corrupt
from flexgs.limits import MAX_ABS_OPACITY_LOGIT

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

BATCH_ROWS = 1 << 14
DC_SCALE = 0.15  # colour bytes are 255 (0.5 + 0.15 DC)
SCALE_STEPS = 16  # a unit of the log scale
LOWEST_SCALE = -10
SH_ZERO = 128
QUAT_HALF = 127.5  # version 1 and 2
QUAT_MAX = 511  # 9 bits
QUAT_SCALE = QUAT_MAX * np.sqrt(2.0)

_BYTES = np.arange(256)


def batches(count: int) -> Iterator[slice]:
    """Slices of rows."""
    return (slice(start, start + BATCH_ROWS) for start in range(0, count, BATCH_ROWS))


def unpack_positions(block: bytes, fractional_bits: int) -> F32:  # -> (n, 3)
    """24-bit two's complement numbers, little-endian, `fractional_bits` of them behind the dot."""
    stored = np.frombuffer(block, np.uint8).reshape(-1, 3)
    means = np.empty(len(stored), np.float32)
    for rows in batches(len(stored)):
        wide = np.zeros((len(stored[rows]), 4), np.uint8)
        wide[:, 1:] = stored[rows]  # at the top: the shift back brings the sign along
        means[rows] = wide.view("<i4")[:, 0] >> 8
    means *= np.float32(0.5**fractional_bits)
    return means.reshape(-1, 3)


def unpack_half_positions(block: bytes) -> F32:  # -> (n, 3)
    """Half floats, version 1.

    Raises:
        Corrupt: one is not finite.
    """
    means = np.frombuffer(block, "<f2").astype(np.float32).reshape(-1, 3)
    if not np.isfinite(means).all():
        raise Corrupt("a position is not finite", section="positions", expected="numbers")
    return means


def _look_up(block: bytes, table: npt.NDArray[np.floating]) -> F32:  # (256,) -> (bytes,)
    return np.take(table.astype(np.float32), np.frombuffer(block, np.uint8))


def unpack_alphas(block: bytes) -> F32:  # -> (n,) logits
    """Bytes 0 and 255, for which no logit is right, become the largest that we allow."""
    table = np.full(256, MAX_ABS_OPACITY_LOGIT)
    table[0] = -MAX_ABS_OPACITY_LOGIT
    table[1:-1] = logit(_BYTES[1:-1] / 255)
    return _look_up(block, table)


def unpack_colors(block: bytes) -> F32:  # -> (n, 3) DC
    """SH coefficients of degree 0."""
    return _look_up(block, (_BYTES / 255 - 0.5) / DC_SCALE).reshape(-1, 3)


def unpack_scales(block: bytes) -> F32:  # -> (n, 3) log
    """Log scales from -10 to 5.9375."""
    return _look_up(block, _BYTES / SCALE_STEPS + LOWEST_SCALE).reshape(-1, 3)


def unpack_xyz_rotations(block: bytes) -> F32:  # -> (n, 4) wxyz
    """x, y, z as bytes, w >= 0 from the length of 1; versions 1 and 2."""
    xyz = _look_up(block, _BYTES / QUAT_HALF - 1).reshape(-1, 3)
    quats = np.empty((len(xyz), 4), np.float32)
    quats[:, 1:] = xyz
    quats[:, 0] = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", xyz, xyz)))
    return quats


def unpack_rotations(block: bytes) -> F32:  # -> (n, 4) wxyz
    """The three smallest of x, y, z, w in 10 bits each, the last one lowest, and which is missing.

    10 bits: the sign, then 511 sqrt(2) times the size.
    """
    stored = np.frombuffer(block, "<u4")
    quats = np.empty((len(stored), 4), np.float32)
    for rows in batches(len(stored)):
        word = stored[rows]
        fields = np.stack([(word >> shift) & 1023 for shift in (np.uint32(20), np.uint32(10))])
        fields = np.concatenate([fields, (word & 1023)[None]]).astype(np.int32)
        small = (fields & QUAT_MAX) * np.where(fields > QUAT_MAX, -1, 1) / np.float32(QUAT_SCALE)
        small = small.astype(np.float32)
        rest = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->j", small, small)))
        missing = word >> np.uint32(30)
        out = quats[rows]
        for axis in range(4):  # x, y, z, w
            given = small[max(axis - 1, 0)]
            if axis < 3:
                given = np.where(missing > axis, small[axis], given)
            out[:, (axis + 1) % 4] = np.where(missing == axis, rest, given)
    return quats


def unpack_sh(block: bytes, dc: F32, degree: int, kept: int) -> F32:  # dc (n, 3) -> (n, k, 3)
    """All coefficients up to degree `kept` of the `degree` that is stored."""
    stored = np.frombuffer(block, np.uint8).reshape(len(dc), (degree + 1) ** 2 - 1, 3)
    table = ((_BYTES - SH_ZERO) / SH_ZERO).astype(np.float32)
    k = (kept + 1) ** 2
    sh = np.empty((len(dc), k, 3), np.float32)
    sh[:, 0] = dc
    for rows in batches(len(dc)):
        sh[rows, 1:] = table[stored[rows, : k - 1]]
    return sh

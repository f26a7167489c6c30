# SPDX-License-Identifier: Apache-2.0
"""Columns of integers as bytes for a byte codec: what lattices and copies are better off with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core.splats import SH_COEFFICIENTS
from flexgs.quant.packing import join_planes, split_planes

I32 = npt.NDArray[np.int32]

ITEM_BYTES = 4
_CHANNELS = {"means": 6, "opacity_logits": 1, "log_scales": 3, "quats": 4, "dc": 4}


def channels_of(name: str, degree: int) -> int:
    """Columns of an attribute."""
    return _CHANNELS[name] if name in _CHANNELS else 3 * (SH_COEFFICIENTS[degree] - 1)


def columns_to_bytes(columns: I32) -> bytes:  # (rows, c)
    """Zigzag differences to the row before, modulo 2^32, column by column, in four byte planes.

    >>> columns_to_bytes(np.int32([[3], [2]])).hex()
    '0601000000000000'
    """
    steps = np.diff(columns.T, axis=1, prepend=np.int32(0)).astype(np.int32)  # wraps
    zigzag = ((steps << 1) ^ (steps >> 31)).astype(np.uint32)
    planes = split_planes(zigzag.reshape(-1), ITEM_BYTES)
    return b"".join(plane.tobytes() for plane in planes)


def columns_from_bytes(raw: bytes, channels: int) -> I32:  # -> (rows, channels)
    """The inverse of `columns_to_bytes`; the caller has checked the length."""
    planes = list(np.frombuffer(raw, np.uint8).reshape(ITEM_BYTES, -1))
    zigzag = join_planes(planes, np.uint32)
    steps = ((zigzag >> 1) ^ (~(zigzag & 1) + np.uint32(1))).astype(np.uint32).view(np.int32)
    columns = np.cumsum(steps.reshape(channels, -1), axis=1, dtype=np.int32)  # wraps
    return np.ascontiguousarray(columns.T)

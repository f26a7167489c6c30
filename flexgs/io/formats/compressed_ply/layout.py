# SPDX-License-Identifier: Apache-2.0
"""Where things lie in a .compressed.ply, and how its integers become numbers.

Element `chunk` has a row of ranges for every 256 Gaussians, `vertex` four u32 a Gaussian, `sh` a
byte a coefficient. Positions and log scales are 11, 10 and 11 bits within the chunk's range;
rotations 2 bits for the largest component and 10 for each other one; colours four bytes.
Sources: splat-transform, compressed-chunk.ts and decompress-ply.ts; PlayCanvas' engine,
gsplat-compressed-data.js.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.io.sniff import Probe

F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]

CHUNK = 256
PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_AXES = ("x", "y", "z")
POSITION_RANGE = [f"{end}_{axis}" for end in ("min", "max") for axis in _AXES]
SCALE_RANGE = [f"{end}_scale_{axis}" for end in ("min", "max") for axis in _AXES]
COLOUR_RANGE = [f"{end}_{axis}" for end in ("min", "max") for axis in ("r", "g", "b")]
DEGREE_OF_REST = {0: 0, 9: 1, 24: 2, 45: 3}
MAX_LOG_SCALE = 20.0  # of either sign
SH_LIMIT = 4.0

_SHIFTS = ((21, 11), (11, 10), (0, 11))  # (shift, bits) of x, y, z
_STEPS = np.array([(1 << bits) - 1 for _, bits in _SHIFTS], np.float32)
AXIS_WEIGHTS: F32 = (_STEPS[0] / _STEPS).astype(np.float32)  # y has half as many steps
_ROTATION_MAX = np.float32(1023)
_SQRT2 = np.float32(np.sqrt(2))


def pack_unit(values: F32) -> U32:  # (n, 3) in [0, 1] -> (n,)
    """Three numbers in 11, 10 and 11 bits, rounded."""
    levels = np.rint(np.clip(values, 0, 1) * _STEPS).astype(np.uint32)
    return np.asarray((levels[:, 0] << 21) | (levels[:, 1] << 11) | levels[:, 2], np.uint32)


def unpack_unit(packed: U32) -> F32:  # (n,) -> (n, 3) in [0, 1]
    """The inverse of `pack_unit`."""
    parts = [(packed >> shift) & np.uint32((1 << bits) - 1) for shift, bits in _SHIFTS]
    return np.stack(parts, axis=1).astype(np.float32) / _STEPS


def pack_rotation(quats: F32) -> U32:  # (n, 4) unit, wxyz -> (n,)
    """Index of the largest component, then the three others in order, for a positive largest."""
    largest = np.abs(quats).argmax(axis=1)
    rows = np.arange(len(quats))
    signed = quats * np.where(quats[rows, largest] < 0, np.float32(-1), np.float32(1))[:, None]
    others = signed[_all_but(largest, len(quats))].reshape(-1, 3)
    levels = np.rint(np.clip(others / _SQRT2 + np.float32(0.5), 0, 1) * _ROTATION_MAX)
    u = levels.astype(np.uint32)
    top = largest.astype(np.uint32) << np.uint32(30)
    return np.asarray(top | (u[:, 0] << 20) | (u[:, 1] << 10) | u[:, 2], np.uint32)


def unpack_rotation(packed: U32) -> F32:  # (n,) -> (n, 4) unit, wxyz
    """The inverse of `pack_rotation`."""
    parts = [(packed >> np.uint32(shift)) & np.uint32(1023) for shift in (20, 10, 0)]
    others = (np.stack(parts, axis=1).astype(np.float32) / _ROTATION_MAX - np.float32(0.5)) * _SQRT2
    largest = (packed >> np.uint32(30)).astype(np.int64)
    quats = np.empty((len(packed), 4), np.float32)
    quats[_all_but(largest, len(packed))] = others.reshape(-1)
    rest = np.float32(1) - np.einsum("ij,ij->i", others, others)
    quats[np.arange(len(packed)), largest] = np.sqrt(np.maximum(rest, 0))
    return quats


def _all_but(index: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.bool_]:  # (n,) -> (n, 4)
    mask = np.ones((n, 4), bool)
    mask[np.arange(n), index] = False
    return mask


_levels = (np.arange(256) + 0.5) / 256
_levels[0], _levels[255] = 0, 1
SH_OF_BYTE: F32 = ((_levels - 0.5) * 2 * SH_LIMIT).astype(np.float32)


def sh_bytes(values: F32) -> npt.NDArray[np.uint8]:  # (n, ...)
    """The byte whose value lies nearest; the first and last levels are the ends of the range.

    0 has no level of its own, it lies between 127 and 128. Neighbours take one each: an error of
    the same sign in all of them would add up where they overlap (bonsai, an eighth of whose SH are
    0: 0.1 dB).
    """
    cells = np.floor(values * np.float32(128 / SH_LIMIT))
    cells += 128
    cells -= (values == 0) & _checkerboard(values.shape)
    np.clip(cells, 1, 254, out=cells)
    cells[values < (SH_OF_BYTE[0] + SH_OF_BYTE[1]) / 2] = 0
    cells[values > (SH_OF_BYTE[254] + SH_OF_BYTE[255]) / 2] = 255
    return np.asarray(cells, np.uint8)


def _checkerboard(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Where the sum of the indices is odd."""
    odd = np.zeros((1,) * len(shape), bool)
    for axis, length in enumerate(shape):
        place = [1] * len(shape)
        place[axis] = length
        odd = odd ^ (np.arange(length) % 2 == 1).reshape(place)
    return odd


def is_compressed_ply(probe: Probe) -> bool:
    """Whether it is a PLY file of packed rows."""
    head = probe.start.partition(b"end_header")[0]
    return probe.is_ply and b"element chunk " in head and b" packed_position" in head

# SPDX-License-Identifier: Apache-2.0
"""Gaussians as the arrays that Spark's `ExtSplats` keeps on the graphics card.

Built here, they cost the page neither parsing nor a copy, and half the bytes of a .ply. Positions
stay float32; colours, opacities and log scales become half floats; a rotation is an axis and an
angle of 32 bits; a coefficient of the harmonics has 8 bits a channel and an exponent of its own.

Source: the encodings of Spark 2.2.0 (`encodeExtSplat`, `encodeExtRgb`). Its own encoder of
coefficients takes the exponent one too low and clips the largest channel by up to a half; ours
rounds it up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.rotations import normalize_quats
from flexgs.core.sh import SH_C0

F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]

MAX_DEGREE = 3
TEXTURE_SIDE = 2048  # texels; a texture array has layers of so many a side
_LAYER = TEXTURE_SIDE * TEXTURE_SIDE
_EXPONENT_BIAS = 15
_COEFFICIENTS = ((1, 5), (5, 9), (9, 13), (13, 16))  # of each array, for degree 3


def texel_count(n: int) -> int:
    """Texels of the texture that holds n Gaussians: whole rows, and whole layers beyond the first.

    >>> texel_count(1), texel_count(2049), texel_count(2048 * 2048 + 1)
    (2048, 4096, 8388608)
    """
    unit = TEXTURE_SIDE if n <= _LAYER else _LAYER
    return max(1, -(-n // unit)) * unit


def spark_arrays(splats: Splats) -> tuple[U32, ...]:  # each (texels, 4) little-endian
    """Two arrays of geometry and colour, then one a degree of harmonics, two for the third.

    Degree 1: sh1; 2: sh1, sh2; 3: sh1, sh2, sh3a, sh3b. Coefficients beyond degree 3 are left out.
    """
    count = texel_count(splats.n)
    first, second = np.zeros((count, 4), "<u4"), np.zeros((count, 4), "<u4")
    n = splats.n
    first[:n, :3] = splats.means.view(np.uint32)
    first[:n, 3] = _half(sigmoid(splats.opacity_logits))
    colour = 0.5 + SH_C0 * splats.sh[:, 0]
    second[:n, 0] = _halves(colour[:, 0], colour[:, 1])
    second[:n, 1] = _halves(colour[:, 2], splats.log_scales[:, 0])
    second[:n, 2] = _halves(splats.log_scales[:, 1], splats.log_scales[:, 2])
    second[:n, 3] = pack_rotations(splats.quats)
    return (first, second, *_harmonics(splats.sh, count))


def _harmonics(sh: F32, count: int) -> list[U32]:  # (n, k, 3)
    known = min(sh.shape[1], (MAX_DEGREE + 1) ** 2)
    arrays = []
    for start, stop in _COEFFICIENTS:
        if start >= known:
            break
        array = np.zeros((count, 4), "<u4")
        for column, k in enumerate(range(start, min(stop, known))):
            array[: len(sh), column] = pack_coefficients(sh[:, k])
        arrays.append(array)
    return arrays


def pack_coefficients(rgb: F32) -> U32:  # (n, 3) -> (n,)
    """Three magnitudes of 8 bits (0-23), three signs (24-26), the exponent they share (27-31).

    >>> [hex(v) for v in pack_coefficients(np.array([[1.0, -0.5, 0.0]], np.float32))]
    ['0x7a0080ff']
    """
    size = np.abs(rgb)
    mantissa, exponent = np.frexp(np.maximum(np.maximum(size[:, 0], size[:, 1]), size[:, 2]))
    exponent = np.clip(exponent - (mantissa == 0.5), -_EXPONENT_BIAS, 31 - _EXPONENT_BIAS)
    steps = np.rint(np.ldexp(size * np.float32(255), -exponent[:, None]))
    levels = np.minimum(steps, 255).astype(np.uint32)
    signs = np.signbit(rgb).astype(np.uint32)
    packed = levels[:, 0] | levels[:, 1] << 8 | levels[:, 2] << 16
    packed |= signs[:, 0] << 24 | signs[:, 1] << 25 | signs[:, 2] << 26
    return np.asarray(packed | (exponent + _EXPONENT_BIAS).astype(np.uint32) << 27)


def pack_rotations(quats: F32) -> U32:  # (n, 4) wxyz -> (n,)
    """The axis, folded onto an octahedron, in 10 and 10 bits (0-19), the angle in 12 (20-31).

    Source: Meyer et al., "On Floating-Point Normal Vectors" (2010), for the octahedron.

    >>> pack_rotations(np.array([[1.0, 0, 0, 0]], np.float32)).tolist() == [512 << 10 | 1023]
    True
    """
    w, *axis = normalize_quats(quats).T
    sine = np.sqrt(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2)
    turn = 2 * np.arctan2(sine, w)  # 0 to pi, as w >= 0
    total = np.abs(axis[0]) + np.abs(axis[1]) + np.abs(axis[2])
    none = total < 1e-7
    total = np.where(none, 1, total)
    x, y = np.where(none, 1, axis[0] / total), np.where(none, 0, axis[1] / total)
    folded_x = np.copysign(1 - np.abs(y), x)
    folded_y = np.copysign(1 - np.abs(x), y)
    lower = axis[2] < 0
    x, y = np.where(lower, folded_x, x), np.where(lower, folded_y, y)
    u, v = (_levels(each * 0.5 + 0.5, 1023) for each in (x, y))
    return np.asarray(_levels(turn / np.pi, 4095) << 20 | v << 10 | u)


def _levels(values: npt.NDArray[np.floating], most: int) -> U32:  # in [0, 1]
    return np.asarray(np.rint(np.clip(values, 0, 1) * most).astype(np.uint32))


def _half(values: F32) -> U32:
    return np.asarray(values.astype(np.float16).view(np.uint16).astype(np.uint32))


def _halves(low: F32, high: F32) -> U32:
    return np.asarray(_half(low) | _half(high) << 16)

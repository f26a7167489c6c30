# SPDX-License-Identifier: Apache-2.0
"""Rotations as the direction of the most distinct axis, and a spin about it.

Axes are sorted, scale 1 the largest. A Gaussian is a needle when scale 1 stands out and flat
otherwise; its pole, axis 1 or axis 3, is the axis that the image feels. The pole's nearest world
axis is its face (0, 1, 2); the face's two other coordinates over this one are tan(pi/4 a) and
tan(pi/4 b) with a, b in -1..1; the two axes around the pole are turned by pi/2 c, c in -1..1, from
where the shortest turn of the face's axis to the pole brings them. Axes have no sign: a hemisphere
of directions and half a turn are all there is.

Decoding needs +, -, *, / and sqrt only: tan(pi/4 t) is replaced by the odd polynomial `bend`,
which is as good a map of -1..1 onto itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.core.rotations import quats_to_matrices
from flexgs.quant.adaptive.feedback import KERNEL

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

BEND = 0.7854, 0.2146  # bend(t) = 0.7854 t + 0.2146 t^3, within 0.008 of tan(pi/4 t)


NEEDLE = np.array([1, 2, 0])  # axes of a needle around the pole, and the pole


def bend(t: F64) -> F64:
    """About tan(pi/4 t); exactly 1 at 1."""
    return np.asarray(t * (BEND[0] + BEND[1] * (t * t)))


def unbend(y: F64) -> F64:
    """The inverse of `bend`, by Newton's method."""
    t = y.copy()
    for _ in range(6):
        t = t - (t * (BEND[0] + BEND[1] * t * t) - y) / (BEND[0] + 3 * BEND[1] * t * t)
    return np.asarray(t)


def find_needles(scales: I64) -> npt.NDArray[np.bool_]:  # (n, 3) sorted, any unit -> (n,)
    """Whether axis 1 differs from axis 2 more than axis 2 from axis 3.

    >>> find_needles(np.array([[9, 1, 0], [9, 8, 0]])).tolist()
    [True, False]
    """
    return np.asarray(scales[:, 0] - scales[:, 1] > scales[:, 1] - scales[:, 2])


def pole_order(needles: npt.NDArray[np.bool_]) -> I64:  # (n,) -> (n, 3)
    """Which sorted axes are the two around the pole and the pole, in a right-handed order."""
    return np.where(needles[:, None], NEEDLE, np.arange(3))


def face_turns(faces: I32) -> I64:  # (n,) -> (n, 3)
    """World axes that become x, y, z of the face: a cyclic renaming with the face last."""
    return np.asarray((faces[:, None].astype(np.int64) + np.array([1, 2, 3])) % 3)


def find_faces(poles: F64) -> I32:  # (n, 3) -> (n,)
    """The world axis nearest to each pole."""
    return np.asarray(np.abs(poles).argmax(axis=1), dtype=np.int32)


def pole_coordinates(poles: F64, faces: I32) -> F64:  # (n, 3) unit, (n,) -> (n, 2)
    """a and b of a pole seen from a face."""
    local = np.take_along_axis(poles, face_turns(faces), axis=1)
    return unbend(local[:, :2] / local[:, 2:])


def pole_frames(faces: I32, a: F64, b: F64) -> F64:  # (n,) each -> (n, 4)
    """Unit quaternions, in the face's own axes, that turn z to the pole by the shortest way."""
    x, y = bend(a), bend(b)
    length = np.sqrt(x * x + y * y + 1.0)
    w = length + 1.0
    norm = np.sqrt(w * w + y * y + x * x)
    zero = np.zeros_like(w)
    return np.stack([w / norm, -y / norm, x / norm, zero], axis=1)


def dequantise_quats(faces: I32, a: F64, b: F64, c: F64) -> F32:  # (n,) each -> (n, 4)
    """Unit quaternions w, x, y, z whose axes are in `pole_order`."""
    quats = np.empty((len(faces), 4), np.float32)
    _fill_quats(faces, a, b, c, quats)
    return quats


@njit(**KERNEL)
def _fill_quats(faces: I32, a: F64, b: F64, c: F64, quats: F32) -> None:
    """The arithmetic of one Gaussian after the other; no product is fused with a sum."""
    vector = np.empty(3)
    for i in range(len(faces)):
        across, along = _bend(a[i]), _bend(b[i])
        w = np.sqrt(across * across + along * along + 1.0) + 1.0
        norm = np.sqrt(w * w + along * along + across * across)
        w, x, y = w / norm, -along / norm, across / norm
        half = _bend(c[i])
        norm = np.sqrt(1.0 + half * half)
        cosine, sine = 1.0 / norm, half / norm
        # frame * (cos, 0, 0, sin)
        face = np.int64(faces[i])
        vector[(face + 1) % 3] = x * cosine + y * sine
        vector[(face + 2) % 3] = y * cosine - x * sine
        vector[face] = w * sine
        w, x, y, z = w * cosine, vector[0], vector[1], vector[2]
        # Now the rotation is right, but starts from the face's axes instead of the world's.
        if face != 2:
            w, x, y, z = _rename_body(w, x, y, z, -0.5 if face == 0 else 0.5)
        if w < 0:
            w, x, y, z = -w, -x, -y, -z
        quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3] = w, x, y, z


@njit(**KERNEL)
def _bend(t: float) -> float:
    return t * (BEND[0] + BEND[1] * (t * t))


@njit(**KERNEL)
def _rename_body(
    w: float, x: float, y: float, z: float, sign: float
) -> tuple[float, float, float, float]:
    """q * a third of a turn about (1, 1, 1), back (sign -0.5) or forth (0.5)."""
    half = 0.5 * w
    along, back = sign * w, -sign
    return (
        half + sign * (x + y + z),
        0.5 * x - along + back * (y - z),
        0.5 * y - along + back * (z - x),
        0.5 * z - along + back * (x - y),
    )


def spin_targets(axes: F64, faces: I32, a: F64, b: F64) -> F64:  # (n, 3, 3) columns x, y, z
    """c in -1..1 that turns the frame of a decoded pole nearest to the true axes."""
    frame = quats_to_matrices(pole_frames(faces, a, b))
    local = np.take_along_axis(axes, face_turns(faces)[:, :, None], axis=1)
    relative = np.einsum("nji,njk->nik", frame, local)
    angle = np.arctan2(relative[:, 1, 0] - relative[:, 0, 1], relative[:, 0, 0] + relative[:, 1, 1])
    turns = np.mod(angle / np.pi + 0.5, 1.0) - 0.5  # half turns: axes have no sign
    return unbend(np.tan(turns * (np.pi / 2)))


def pole_slopes(axes: F64, faces: I32, ab: F64) -> F64:  # (n, 3, 3), (n,), (n, 2) -> (n, 2, 2)
    """d(rotation about x, about y) / d(a, b), axes in `pole_order`."""
    local = np.take_along_axis(axes, face_turns(faces)[:, :, None], axis=1)
    y = bend(ab)
    length = np.sqrt((y * y).sum(axis=1) + 1.0)
    pole = np.concatenate([y, np.ones((len(y), 1))], axis=1) / length[:, None]
    slope = (BEND[0] + 3 * BEND[1] * ab * ab) / length[:, None]
    moved = -pole[:, :, None] * pole[:, None, :2]  # columns: the pole's move a unit of a, of b
    moved[:, 0, 0] += 1.0
    moved[:, 1, 1] += 1.0
    moved *= slope[:, None, :]
    turned = np.einsum("nij,nik->njk", local, moved)  # components along x, y, z
    return np.stack([-turned[:, 1], turned[:, 0]], axis=1)


def spin_slopes(c: F64) -> F64:
    """d angle / d c."""
    half = bend(c)
    return np.asarray(2.0 * (BEND[0] + 3 * BEND[1] * c * c) / (1.0 + half * half))


def turn_errors(axes: F64, quats: F32) -> F64:  # (n, 3, 3), (n, 4) -> (n, 3)
    """Rotation about the axes, in radians, from them to decoded ones that have lost their signs."""
    relative = np.einsum("nji,njk->nik", axes, quats_to_matrices(quats.astype(np.float64)))
    flip = np.sign(relative[:, 0, 0] + relative[:, 1, 1] + 1e-30)
    relative[:, :, :2] *= flip[:, None, None]
    return 0.5 * np.stack(
        [
            relative[:, 2, 1] - relative[:, 1, 2],
            relative[:, 0, 2] - relative[:, 2, 0],
            relative[:, 1, 0] - relative[:, 0, 1],
        ],
        axis=1,
    )

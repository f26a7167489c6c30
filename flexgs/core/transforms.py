# SPDX-License-Identifier: Apache-2.0
"""Moving a scene as a whole: rotated, scaled, shifted, mirrored, its SH and cameras with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.core.sh import sh_basis
from flexgs.core.splats import Splats
from flexgs.core.views import Camera

F64 = npt.NDArray[np.float64]

_DIRECTIONS = 64  # any number well over 7, the coefficients of degree 3
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def _sphere() -> F64:  # (_DIRECTIONS, 3) unit vectors, evenly spread (Fibonacci's lattice)
    z = 1 - (2 * np.arange(_DIRECTIONS) + 1) / _DIRECTIONS
    radius, angle = np.sqrt(1 - z * z), _GOLDEN_ANGLE * np.arange(_DIRECTIONS)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def sh_rotation(rotation: npt.ArrayLike, degree: int) -> F64:  # (3, 3) -> (k, k)
    """The matrix that turns SH coefficients: colours seen along R v are those seen along v before.

    `rotation` may be a reflection too. A degree is turned within itself, so the matrix of a lower
    degree is the corner of that of a higher one.

    Source: least squares over directions, exact because every degree is closed under rotation.

    >>> np.diag(sh_rotation(np.diag([1, -1, -1]), 1)).round(9).tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    directions = _sphere()
    after = sh_basis(directions, degree)
    before = sh_basis(directions @ np.asarray(rotation, np.float64), degree)  # rows R^T v
    matrix = np.zeros((after.shape[1],) * 2)
    for band in range(degree + 1):
        own = slice(band**2, (band + 1) ** 2)
        matrix[own, own] = np.linalg.lstsq(after[:, own], before[:, own], rcond=None)[0]
    return matrix


def mirror_axes(splats: Splats, signs: tuple[int, int, int]) -> Splats:
    """The scene with the axes whose sign is -1 pointing the other way; exact, nothing is rounded.

    Two -1 are half a turn about the third axis; one or three are a mirror image.

    Args:
        splats: 3-D Gaussians of SH degree 0 to 3.
        signs: 1 or -1 for x, y and z.
    """
    x, y, z = signs
    flips = np.sign(np.diag(sh_rotation(np.diag(signs), splats.degree)))
    return replace(
        splats,
        means=splats.means * np.array([x, y, z], np.float32),
        quats=splats.quats * np.array([1, y * z, x * z, x * y], np.float32),
        sh=splats.sh * flips.astype(np.float32)[:, None],
    )


def _to_quat(rotation: F64) -> F64:  # (3, 3) -> (4,) w, x, y, z
    """Source: Bar-Itzhack 2000: the eigenvector of the largest eigenvalue, stable everywhere."""
    r = rotation
    symmetric = np.array(
        [
            [r[0, 0] + r[1, 1] + r[2, 2], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [0, r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0]],
            [0, 0, r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1]],
            [0, 0, 0, r[2, 2] - r[0, 0] - r[1, 1]],
        ]
    )
    return np.asarray(np.linalg.eigh(symmetric, UPLO="U")[1][:, -1])


def _multiply(left: F64, right: npt.NDArray[np.float32]) -> F64:  # (4,), (n, 4) -> (n, 4)
    w, x, y, z = left
    product = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return np.asarray(right @ product.T)


def place(
    splats: Splats,
    rotation: npt.ArrayLike,  # (3, 3) orthonormal; a reflection is legal
    scale: float = 1.0,
    translation: npt.ArrayLike = (0.0, 0.0, 0.0),
) -> Splats:
    """The scene after p -> scale * rotation p + translation, with its sizes, rotations and SH.

    Args:
        splats: 3-D Gaussians of SH degree 0 to 3.
        rotation: orthonormal.
        scale: over 0.
        translation: scene units.
    """
    r = np.asarray(rotation, np.float64)
    signs = np.sign(np.diag(r)).astype(int)
    if not np.array_equal(r, np.diag(signs)):  # no plain change of signs, which is exact
        signs = np.array([np.sign(np.linalg.det(r)), 1, 1], int)
    splats, r = mirror_axes(splats, (signs[0], signs[1], signs[2])), r * signs
    means = splats.means @ (scale * r).T + np.asarray(translation, np.float64)
    if not np.array_equal(r, np.eye(3)):
        turned = sh_rotation(r, splats.degree).astype(np.float32)
        quats = _multiply(_to_quat(r), splats.quats).astype(np.float32)
        splats = replace(splats, quats=quats, sh=turned @ splats.sh)
    log_scales = splats.log_scales + np.float32(np.log(scale))
    return replace(splats, means=means.astype(np.float32), log_scales=log_scales)


def place_camera(
    camera: Camera,
    rotation: npt.ArrayLike,  # (3, 3) orthonormal, determinant 1
    scale: float = 1.0,
    translation: npt.ArrayLike = (0.0, 0.0, 0.0),
) -> Camera:
    """The camera that sees of the placed scene what `camera` saw before `place` moved it.

    With p = W x + w of the camera and x' = s R x + t of the scene, s p = W R^T (x' - t) + s w.
    """
    pose = camera.world_to_camera.copy()
    pose[:3, :3] = camera.world_to_camera[:3, :3] @ np.asarray(rotation, np.float64).T
    shift = pose[:3, :3] @ np.asarray(translation, np.float64)
    pose[:3, 3] = scale * camera.world_to_camera[:3, 3] - shift
    return replace(camera, world_to_camera=pose)

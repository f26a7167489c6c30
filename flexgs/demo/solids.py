# SPDX-License-Identifier: Apache-2.0
"""Textured spheres, boxes and a floor, and where rays meet them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Rgb = tuple[float, float, float]
Texture = Callable[[F32], F32]  # (n, 3) points -> (n,) mix of the two colours, 0..1

EPSILON = 1e-3  # nearer than this nothing is hit: where a ray starts


def float32(values: npt.ArrayLike) -> F32:
    """An array of the one dtype used here."""
    return np.asarray(values, dtype=np.float32)


def checker(points: F32) -> F32:
    """Squares."""
    return float32(np.floor(points + 0.01).sum(axis=1) % 2)


def stripes(points: F32) -> F32:
    """Smooth rings across y."""
    return float32(0.5 + 0.5 * np.tanh(4 * np.sin(np.pi * points[:, 1])))


def marble(points: F32) -> F32:
    """Veins: waves bent by waves."""
    x, y, z = points.T
    bent = x + 0.9 * np.sin(1.7 * y + 1.1 * np.sin(1.3 * z)) + 0.5 * np.sin(2.9 * z + 1.9 * x)
    return float32((0.5 + 0.5 * np.sin(2.3 * bent)) ** 2)


def dots(points: F32) -> F32:
    """Balls on a lattice."""
    off = points - np.round(points)
    return float32((off * off).sum(axis=1) < 0.1)


@dataclass(frozen=True)
class Material:
    """A two-coloured texture under a glossy coat."""

    texture: Texture
    first: Rgb
    second: Rgb
    cells: float  # of the texture, a unit of length
    reflectance: float  # straight on; towards grazing angles it rises to 1
    roughness: float


@dataclass(frozen=True)
class Sphere:
    """A ball."""

    center: tuple[float, float, float]
    radius: float
    material: Material

    def hit(self, origins: F32, rays: F32) -> F32:
        """Distances along the unit rays (n,), inf where they miss."""
        to = origins - float32(self.center)
        along = np.einsum("nc,nc->n", to, rays)
        room = along**2 - np.einsum("nc,nc->n", to, to) + self.radius**2
        root = np.sqrt(np.maximum(room, 0))
        near = -along - root
        return float32(np.where((room > 0) & (near > EPSILON), near, np.inf))

    def normals(self, points: F32) -> F32:
        """(n, 3) unit."""
        return float32((points - float32(self.center)) / self.radius)

    def local(self, points: F32) -> F32:
        """Points in the frame of the texture."""
        return points - float32(self.center)


@dataclass(frozen=True)
class Box:
    """A box turned about the vertical."""

    center: tuple[float, float, float]
    half: tuple[float, float, float]
    yaw: float  # radians
    material: Material

    def _turn(self) -> F32:
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return float32([[c, 0, s], [0, 1, 0], [-s, 0, c]])

    def hit(self, origins: F32, rays: F32) -> F32:
        """Distances along the unit rays (n,), inf where they miss."""
        turn, half = self._turn(), float32(self.half)
        start = (origins - float32(self.center)) @ turn
        way = rays @ turn
        inverse = 1 / np.where(np.abs(way) < 1e-9, np.float32(1e-9), way)
        a, b = (-half - start) * inverse, (half - start) * inverse
        low, high = np.minimum(a, b).T, np.maximum(a, b).T
        near = np.maximum(np.maximum(low[0], low[1]), low[2])  # 5x a reduction over 3 columns
        far = np.minimum(np.minimum(high[0], high[1]), high[2])
        return float32(np.where((near < far) & (near > EPSILON), near, np.inf))

    def normals(self, points: F32) -> F32:
        """(n, 3) unit, of the face that each point is nearest to."""
        inside = self.local(points) / float32(self.half)
        face = np.abs(inside).argmax(axis=1)
        local = np.zeros_like(points)
        rows = np.arange(len(points))
        local[rows, face] = np.sign(inside[rows, face])
        return float32(local @ self._turn().T)

    def local(self, points: F32) -> F32:
        """Points in the frame of the texture."""
        return float32((points - float32(self.center)) @ self._turn())


@dataclass(frozen=True)
class Floor:
    """A disc at y = 0."""

    radius: float
    material: Material

    def hit(self, origins: F32, rays: F32) -> F32:
        """Distances along the unit rays (n,), inf where they miss."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = -origins[:, 1] / rays[:, 1]
            x, z = (origins[:, axis] + t * rays[:, axis] for axis in (0, 2))
            inside = (t > EPSILON) & (x * x + z * z < self.radius**2)
        return float32(np.where(inside, t, np.inf))

    def normals(self, points: F32) -> F32:
        """(n, 3), all upwards."""
        return np.tile(float32([0, -1, 0]), (len(points), 1))

    def local(self, points: F32) -> F32:
        """Points in the frame of the texture."""
        return float32(points * float32([1, 0, 1]))


Solid = Sphere | Box | Floor

# SPDX-License-Identifier: Apache-2.0
"""A scene in tables through a camera: what is in sight is gathered, its colour fixed, and rendered.

In one view the harmonics are a colour a Gaussian, so that what is in sight takes 14 numbers each
instead of 59; the image is the renderer's own but for the last bit of the colours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.core.joining import join_splats
from flexgs.core.sh import SH_C0, sh_basis
from flexgs.errors import FlexgsError
from flexgs.pipeline.blocks.stored.tables import DEVIATIONS, Tables, no_splats
from flexgs.render import Contributions, Renderer

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NEAR = 0.01  # where rendering begins, see docs/conventions.md
CLAMP = 1.3  # of the frustum, beyond which the projection is not linearised anew
BLUR_PIXELS = 4.0  # more than the renderer's own blur reaches
NONE: I64 = np.zeros(0, np.int64)


class OutOfSight(FlexgsError):
    """A view that sees more than there is memory for."""


@dataclass(frozen=True)
class Cone:
    """What a camera can see, with all that reaches into it."""

    pose: F64  # (3, 4)
    slopes: F64  # (2,) of the sides, x and y over z
    spread: float  # how much a projection can widen

    def sees(self, points: F64, radii: F64, reach: F64) -> Mask:  # (n, 3), (n,), (n,) -> (n,)
        """Balls of `radii` around points, of Gaussians that reach so far."""
        local = points @ self.pose[:, :3].T + self.pose[:, 3]
        depth = local[:, 2] + radii
        seen = depth > NEAR
        for axis, slope in enumerate(self.slopes.tolist()):
            beyond = np.abs(local[:, axis]) - slope * np.maximum(local[:, 2], 0)
            seen &= beyond <= radii * np.hypot(1.0, slope) + self.spread * reach
        return np.asarray(seen)


def cone_of(camera: Camera) -> Cone:
    """The cone of a camera, with a margin for the blur."""
    sides = np.array(
        [
            (max(camera.cx, camera.width - camera.cx) + BLUR_PIXELS) / camera.fx,
            (max(camera.cy, camera.height - camera.cy) + BLUR_PIXELS) / camera.fy,
        ]
    )
    spread = float(np.sqrt(1 + CLAMP**2 * (sides**2).sum()))
    return Cone(np.asarray(camera.world_to_camera[:3]), sides, spread)


def in_sight(splats: Splats, cone: Cone) -> Mask:  # (n,)
    """Which Gaussians may reach into a view; of all others it shows nothing."""
    reach = DEVIATIONS * np.exp(splats.log_scales.max(axis=1).astype(np.float64))
    return cone.sees(splats.means.astype(np.float64), np.zeros(splats.n), reach)


def flatten(splats: Splats, camera: Camera) -> Splats:
    """The same Gaussians with the colours that this camera sees, as harmonics of degree 0."""
    directions = splats.means - camera.center.astype(np.float32)
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    directions /= np.maximum(length, np.float32(1e-12))
    basis = sh_basis(directions, splats.degree).astype(np.float32)
    colours = np.einsum("nk,nkc->nc", basis, splats.sh)
    return replace(splats, sh=(colours / np.float32(SH_C0))[:, None])


class TableRenderer:
    """Renders scenes in tables by another renderer.

    Args:
        most: Gaussians in sight that there is memory for.
    """

    def __init__(self, renderer: Renderer, most: int) -> None:
        self.renderer = renderer
        self.most = most

    def see(self, tables: Tables, camera: Camera, kept: Mask | None = None) -> tuple[Splats, I64]:
        """What is in sight, flat, and its numbers.

        Args:
            kept: (n,) which Gaussians are left; None: all.

        Raises:
            OutOfSight: too much.
        """
        cone, parts, numbers, found = cone_of(camera), [], [], 0
        for index in range(len(tables.counts)):
            boxes = tables.boxes(index).astype(np.float64)
            middle = (boxes[:, :3] + boxes[:, 3:6]) / 2
            radii = np.linalg.norm(boxes[:, 3:6] - boxes[:, :3], axis=1) / 2
            wanted = cone.sees(middle, radii, boxes[:, 6])
            for start, splats in tables.pages(index, wanted) if wanted.any() else ():
                in_cone = in_sight(splats, cone)
                if kept is not None:
                    in_cone &= kept[start : start + splats.n]
                seen = np.flatnonzero(in_cone)
                found += len(seen)
                if found > self.most:
                    raise OutOfSight("a view sees too much for the memory", found=camera.name)
                parts.append(flatten(splats.select(seen), camera))
                numbers.append(start + seen)
        if not parts:
            return no_splats(1, tables.model), NONE
        return join_splats(parts), np.concatenate(numbers)

    def has_room(self, tables: Tables, camera: Camera) -> bool:
        """Whether what is in sight is not too much."""
        try:
            self.see(tables, camera)
        except OutOfSight:
            return False
        return True

    def render(self, tables: Tables, camera: Camera) -> F32:  # (h, w, 3)
        """See `Renderer.render`."""
        return self.renderer.render(self.see(tables, camera)[0], camera)

    def contributions(
        self, tables: Tables, camera: Camera, kept: Mask | None = None
    ) -> tuple[Contributions, I64]:
        """See `Renderer.contributions`; and the numbers of its Gaussians."""
        splats, numbers = self.see(tables, camera, kept)
        return self.renderer.contributions(splats, camera), numbers


class KeptRenderer:
    """Renders what is left of one scene in tables: masks (n,) of its Gaussians."""

    def __init__(self, tables: Tables, renderer: TableRenderer) -> None:
        self._tables = tables
        self._renderer = renderer

    def render(self, kept: Mask, camera: Camera) -> F32:  # (h, w, 3)
        """See `Renderer.render`."""
        splats, _ = self._renderer.see(self._tables, camera, kept)
        return self._renderer.renderer.render(splats, camera)

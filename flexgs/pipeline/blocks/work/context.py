# SPDX-License-Identifier: Apache-2.0
"""A renderer in whose pictures stands what is not being worked on.

Whatever is rendered, scored or repaired by it stands among the Gaussians of the context, which hide
it, shine through it and are never changed nor counted. So a block's errors are those that it makes
in the whole scene, and all that works on scenes works on blocks.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.core.joining import join_splats
from flexgs.pipeline.blocks.stored.looking import cone_of, in_sight
from flexgs.render import Contributions, Renderer, zero_parameters
from flexgs.render.own_frame import OWN
from flexgs.render.protocol import GROUPS, Parameters

F32 = npt.NDArray[np.float32]


class ContextRenderer:
    """`renderer` with Gaussians that are always there; results are those of the others."""

    def __init__(self, renderer: Renderer, context: Splats) -> None:
        self.name = renderer.name
        self._renderer = renderer
        self._context = context
        self._seen: dict[Camera, npt.NDArray[np.uint8]] = {}  # a bit a Gaussian

    def render(self, splats: Splats, camera: Camera) -> F32:
        """See `Renderer.render`."""
        return self._renderer.render(self._whole(splats, camera), camera)

    def backward(
        self,
        splats: Splats,
        camera: Camera,
        pixel_weights: F32,
        groups: tuple[str, ...] = GROUPS,
    ) -> Parameters:
        """See `Renderer.backward`."""
        found = self._renderer.backward(self._whole(splats, camera), camera, pixel_weights, groups)
        return _first(found, splats.n)

    def fisher(self, splats: Splats, camera: Camera) -> tuple[Parameters, F32]:
        """See `Renderer.fisher`."""
        diagonal, weights = self._renderer.fisher(self._whole(splats, camera), camera)
        return _first(diagonal, splats.n), weights[: splats.n]

    def contributions(
        self, splats: Splats, camera: Camera, target: F32 | None = None
    ) -> Contributions:
        """See `Renderer.contributions`."""
        found = self._renderer.contributions(self._whole(splats, camera), camera, target)
        return Contributions(*(getattr(found, f.name)[: splats.n] for f in fields(found)))

    def misfit(self, splats: Splats, camera: Camera, target: F32, gradient: Parameters) -> F32:
        """See `Renderer.misfit`."""
        whole = self._whole(splats, camera)
        found = zero_parameters(whole)
        removal = self._renderer.misfit(whole, camera, target, found)
        for field in fields(found):
            getattr(gradient, field.name)[:] += getattr(found, field.name)[: splats.n]
        return removal[: splats.n]

    def blocks(self, splats: Splats, camera: Camera, total: F32) -> F32:
        """See `Renderer.blocks`."""
        whole = self._whole(splats, camera)
        found = np.zeros((whole.n, OWN, OWN), np.float32)
        weights = self._renderer.blocks(whole, camera, found)
        total += found[: splats.n]
        return weights[: splats.n]

    def _whole(self, splats: Splats, camera: Camera) -> Splats:
        """What the camera sees of the context is found once: most of it is elsewhere."""
        if camera not in self._seen:
            self._seen[camera] = np.packbits(in_sight(self._context, cone_of(camera)))
        seen = np.unpackbits(self._seen[camera], count=self._context.n).view(np.bool_)
        return join_splats([splats, self._context.select(seen)])


def _first(values: Parameters, n: int) -> Parameters:
    return Parameters(*(getattr(values, field.name)[:n] for field in fields(values)))

# SPDX-License-Identifier: Apache-2.0
"""A renderer in whose pictures stands what is not being worked on.

Whatever is rendered, scored or repaired by it stands among the Gaussians of the context, which hide
it, shine through it and are never changed nor counted. So a block's errors are those that it makes
in the whole scene, and all that works on scenes works on blocks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.core.joining import join_splats
from flexgs.pipeline.blocks.stored.looking import cone_of, in_sight
from flexgs.render import Contributions, Renderer
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
        return self._renderer.render(self._whole(splats, camera)[0], camera)

    def backward(
        self,
        splats: Splats,
        camera: Camera,
        pixel_weights: F32,
        groups: tuple[str, ...] = GROUPS,
        own: int | None = None,
    ) -> Parameters:
        """See `Renderer.backward`."""
        whole, own = self._whole(splats, camera, own)
        return self._renderer.backward(whole, camera, pixel_weights, groups, own)

    def fisher(
        self, splats: Splats, camera: Camera, own: int | None = None
    ) -> tuple[Parameters, F32]:
        """See `Renderer.fisher`."""
        whole, own = self._whole(splats, camera, own)
        return self._renderer.fisher(whole, camera, own)

    def contributions(
        self, splats: Splats, camera: Camera, target: F32 | None = None, own: int | None = None
    ) -> Contributions:
        """See `Renderer.contributions`."""
        whole, own = self._whole(splats, camera, own)
        return self._renderer.contributions(whole, camera, target, own)

    def misfit(
        self,
        splats: Splats,
        camera: Camera,
        target: F32,
        gradient: Parameters,
        own: int | None = None,
    ) -> F32:
        """See `Renderer.misfit`."""
        whole, own = self._whole(splats, camera, own)
        return self._renderer.misfit(whole, camera, target, gradient, own)

    def blocks(self, splats: Splats, camera: Camera, total: F32, own: int | None = None) -> F32:
        """See `Renderer.blocks`."""
        whole, own = self._whole(splats, camera, own)
        return self._renderer.blocks(whole, camera, total, own)

    def _whole(self, splats: Splats, camera: Camera, own: int | None = None) -> tuple[Splats, int]:
        """All that the camera sees, and of how many answers are wanted.

        What it sees of the context is found once: most of it is elsewhere.
        """
        if camera not in self._seen:
            self._seen[camera] = np.packbits(in_sight(self._context, cone_of(camera)))
        seen = np.unpackbits(self._seen[camera], count=self._context.n).view(np.bool_)
        whole = join_splats([splats, self._context.select(seen)])
        return whole, splats.n if own is None else own

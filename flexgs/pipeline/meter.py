# SPDX-License-Identifier: Apache-2.0
"""How much worse than the original a candidate looks in some views."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.errors import SceneError
from flexgs.importance.sums import F32
from flexgs.quality import drop_from_psnr
from flexgs.render import Renderer
from flexgs.render.metrics import psnr


class DropMeter:
    """The drop of a scene on some views, with everything about the original computed once.

    With photographs: mean of PSNR(photo, original) - PSNR(photo, candidate). Without: the mean of
    the drops that PSNRs against the original renders stand for.

    Raises:
        SceneError: the original is black in every view; any compression of it would look perfect.
    """

    def __init__(
        self,
        original: Splats,
        cameras: Sequence[Camera],
        renderer: Renderer,
        photograph: Callable[[Camera], F32] | None,
        reference_psnr: float,
    ) -> None:
        self._cameras = cameras
        self._renderer = renderer
        self.reference_psnr = reference_psnr
        self._photograph = photograph
        self._before: dict[str, float] = {}
        self._renders: dict[str, F32] = {}
        seen = False
        for camera in cameras:
            image = renderer.render(original, camera)
            seen = seen or bool(image.any())
            if photograph is None:
                self._renders[camera.name] = image
            else:
                self._before[camera.name] = psnr(photograph(camera), image)
        if not seen:
            raise SceneError(
                "no view sees any of the Gaussians",
                expected="cameras of this scene",
                found=f"{len(cameras)} black renders",
                hint="Name the scene's own --cameras, or use --cameras none to invent some.",
            )

    @property
    def original_psnr(self) -> float | None:
        """Mean PSNR of the original against the photographs, in dB; None without any."""
        return float(np.mean([*self._before.values()])) if self._before else None

    def __call__(self, candidate: Splats) -> float:
        """Mean drop in dB."""
        return float(np.mean([self._drop(candidate, camera) for camera in self._cameras]))

    def _drop(self, candidate: Splats, camera: Camera) -> float:
        image = self._renderer.render(candidate, camera)
        if self._photograph is None:
            return drop_from_psnr(psnr(self._renders[camera.name], image), self.reference_psnr)
        return self._before[camera.name] - psnr(self._photograph(camera), image)

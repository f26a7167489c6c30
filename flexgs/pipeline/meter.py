# SPDX-License-Identifier: Apache-2.0
"""How much worse than the original a candidate looks in some views."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Generic

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.errors import SceneError
from flexgs.importance.sums import F32
from flexgs.quality import Renders, Scene, drop_from_psnr
from flexgs.render.metrics import psnr

LEAST_LEFT = 0.1  # of the original's squared error, where repair by photographs wins some


class Meter(Generic[Scene]):
    """The drop of a scene on some views, with everything about the original computed once.

    With photographs: mean of PSNR(photo, original) - PSNR(photo, candidate). Without: the mean of
    the drops that PSNRs against the original renders stand for.

    Args:
        share: of all squared error that is this scene's to make: the drop is that of a whole whose
            other parts err accordingly (see `whole_drop`).
        renders: reads the original's renders instead of making and keeping them.

    Raises:
        SceneError: the original is black in every view; any compression of it would look perfect.
    """

    def __init__(
        self,
        original: Scene,
        cameras: Sequence[Camera],
        renderer: Renders[Scene],
        photograph: Callable[[Camera], F32] | None,
        reference_psnr: float,
        *,
        share: float = 1.0,
        renders: Callable[[Camera], F32] | None = None,
    ) -> None:
        self._cameras = cameras
        self._renderer = renderer
        self.reference_psnr = reference_psnr
        self._photograph = photograph
        self._share = share
        self._read = renders
        self._before: dict[str, float] = {}
        self._renders: dict[str, F32] = {}
        seen = False
        for camera in cameras:
            image = renderer.render(original, camera) if renders is None else renders(camera)
            seen = seen or bool(image.any())
            if photograph is None and renders is None:
                self._renders[camera.name] = image
            elif photograph is not None:
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

    def __call__(self, candidate: Scene) -> float:
        """Mean drop in dB."""
        drops = [self._drop(candidate, camera) for camera in self._cameras]
        return float(np.mean([whole_drop(drop, self._share) for drop in drops]))

    def _drop(self, candidate: Scene, camera: Camera) -> float:
        image = self._renderer.render(candidate, camera)
        if self._photograph is None:
            before = self._renders[camera.name] if self._read is None else self._read(camera)
            return drop_from_psnr(psnr(before, image), self.reference_psnr)
        return self._before[camera.name] - psnr(self._photograph(camera), image)


DropMeter = Meter[Splats]


def whole_drop(drop_db: float, share: float) -> float:
    """The drop when the squared error that a drop adds is only such a share of all that is added.

    >>> round(whole_drop(0.1, 0.1), 3), whole_drop(0.5, 1.0)
    (0.909, 0.5)
    """
    if share == 1.0:
        return drop_db
    added = (10 ** (drop_db / 10) - 1) / share
    return 10 * math.log10(max(1 + added, LEAST_LEFT))

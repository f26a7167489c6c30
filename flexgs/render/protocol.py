# SPDX-License-Identifier: Apache-2.0
"""What a renderer must do. All above this folder talks to a `Renderer`, never to numba or CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats

F32 = npt.NDArray[np.float32]

GROUPS = ("means", "log_scales", "quats", "opacity_logits", "dc", "sh")


@dataclass(frozen=True)
class Parameters:
    """One value a parameter: gradients, or the diagonal of J^T J. `sh` holds DC in row 0."""

    means: F32  # (n, 3)
    log_scales: F32  # (n, 3)
    quats: F32  # (n, 4)
    opacity_logits: F32  # (n,)
    sh: F32  # (n, k, 3)


@dataclass(frozen=True)
class Contributions:
    """What every Gaussian does to one view. Sums run over pixels (and colour channels)."""

    removal: F32  # (n,) sum of squared image changes when it alone is removed
    signed: F32  # (n,) change of the squared error against `target`; equals `removal` without one
    colour_weights: F32  # (n,) S_iv = sum over pixels of (alpha T)^2
    blend: F32  # (n,) sum over pixels of alpha T
    hits: F32  # (n,) pixels it reaches before the transmittance is used up


class Renderer(Protocol):
    """gsplat's semantics (docs/conventions.md): black background, colours not clamped above.

    Splats are 3-D; a view in which nothing is visible gives a black image and zeros.
    """

    name: str

    def render(self, splats: Splats, camera: Camera) -> F32:  # (h, w, 3)
        """The image."""

    def backward(
        self,
        splats: Splats,
        camera: Camera,
        pixel_weights: F32,  # (h, w, 3) dL/dimage
        groups: tuple[str, ...] = GROUPS,
    ) -> Parameters:
        """Gradient of sum(pixel_weights * image); groups not asked for stay zero."""

    def fisher(self, splats: Splats, camera: Camera) -> tuple[Parameters, F32]:
        """diag(J^T J) of this view's image, and the colour weights S_iv (n,)."""

    def contributions(
        self,
        splats: Splats,
        camera: Camera,
        target: F32 | None = None,  # (h, w, 3) a photograph
    ) -> Contributions:
        """Removal errors and blending sums of every Gaussian."""

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


def zero_parameters(splats: Splats, own: int | None = None) -> Parameters:
    """Zeros for every parameter of `splats`, or of the first `own` of them, to add to."""
    arrays = (splats.means, splats.log_scales, splats.quats, splats.opacity_logits, splats.sh)
    return Parameters(*(np.zeros_like(a[:own], dtype=np.float32) for a in arrays))


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

    Splats are 3-D; a view in which nothing is visible gives a black image and zeros. With `own`
    answers are of the first so many Gaussians alone, the same as without, and arrays to add to have
    as many rows; the others stand in the picture, and nothing is computed for them that can be
    left out.
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
        own: int | None = None,
    ) -> Parameters:
        """Gradient of sum(pixel_weights * image); groups not asked for stay zero."""

    def fisher(
        self, splats: Splats, camera: Camera, own: int | None = None
    ) -> tuple[Parameters, F32]:
        """diag(J^T J) of this view's image, and the colour weights S_iv (n,)."""

    def contributions(
        self,
        splats: Splats,
        camera: Camera,
        target: F32 | None = None,  # (h, w, 3) a photograph
        own: int | None = None,
    ) -> Contributions:
        """Removal errors and blending sums of every Gaussian."""

    def misfit(
        self,
        splats: Splats,
        camera: Camera,
        target: F32,  # (h, w, 3)
        gradient: Parameters,  # added to: the gradient of half the squared error
        own: int | None = None,
    ) -> F32:  # (n,)
        """Removal errors as in Contributions, and the gradient, in one pass: what repair needs."""

    def blocks(self, splats: Splats, camera: Camera, total: F32, own: int | None = None) -> F32:
        """Adds J^T J of each Gaussian's geometry to `total` (n, 10, 10); returns S_iv (n,).

        In the Gaussian's own frame: 0-2 means along its axes (scene units), 3-5 log_scales, 6-8 a
        small rotation about its axes (radians), 9 the opacity logit.
        """

# SPDX-License-Identifier: Apache-2.0
"""`ImageSplats`: an image as frozen arrays of 2-D Gaussians."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.errors import SceneError
from flexgs.limits import MAX_CAMERA_SIDE, MAX_IMAGE_PIXELS

F32 = npt.NDArray[np.float32]
CHANNELS = (1, 3, 4)  # grey, RGB, RGBA
MIN_DIAGONAL, MAX_FACTOR = 1e-4, 1e6  # pixels; float32 sums stay finite within them
MAX_ABS_MEAN = 1e6  # pixels
MAX_ABS_COLOR = 1e4


def _frozen(array: npt.ArrayLike) -> F32:
    view = np.ascontiguousarray(array, dtype=np.float32).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class ImageSplats:
    """n Gaussians that make an image. Arrays are float32, contiguous and read-only.

    Without opacities a pixel is the sum of what all Gaussians add to it (accumulated summation);
    with opacities they cover each other, the first stored in front (alpha compositing). The
    background is 0. A Gaussian's value at p is exp(-0.5 d^T (L L^T)^-1 d), d = p - mean.

    Raises:
        SceneError: shapes disagree, a value is not finite or outside of its range.

    >>> one = ImageSplats([[8, 8]], [[2, 0, 2]], [[1, 0.5, 0]], None, width=16, height=16)
    >>> one.n, one.channels
    (1, 3)
    """

    means: F32  # (n, 2) pixels, x right, y down; the centre of the first pixel is (0.5, 0.5)
    cholesky: F32  # (n, 3) pixels: l11, l21, l22 of the lower triangle L; l11, l22 >= 1e-4
    colors: F32  # (n, 1 | 3 | 4) display values scaled to 0..1; sums may hold negative ones
    opacities: F32 | None  # (n,) in (0, 1]; None: accumulated summation
    width: int  # pixels
    height: int

    def __post_init__(self) -> None:
        for name in ("means", "cholesky", "colors", "opacities"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _frozen(getattr(self, name)))
        self._check_shapes()
        self._check_values()

    def _check_shapes(self) -> None:
        n = len(self.means) if self.means.ndim else -1
        channels = self.colors.shape[1] if self.colors.ndim == 2 else -1
        wanted: dict[str, tuple[int, ...]] = {
            "means": (n, 2),
            "cholesky": (n, 3),
            "colors": (n, channels),
        }
        if self.opacities is not None:
            wanted["opacities"] = (n,)
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape or channels not in CHANNELS:
                raise SceneError(
                    f"not the {name} of an image's Gaussians",
                    section=name,
                    expected="means (n, 2), cholesky (n, 3), colors (n, 1|3|4), opacities (n,)",
                    found=getattr(self, name).shape,
                )
        sides = (self.width, self.height)
        if min(sides) < 1 or max(sides) > MAX_CAMERA_SIDE or np.prod(sides) > MAX_IMAGE_PIXELS:
            raise SceneError(
                "not the size of an image",
                expected=f"sides of 1 to {MAX_CAMERA_SIDE}, at most {MAX_IMAGE_PIXELS} pixels",
                found=f"{self.width}x{self.height}",
            )

    def _check_values(self) -> None:
        for name in ("means", "cholesky", "colors", "opacities"):
            values = getattr(self, name)
            if values is not None and not np.isfinite(values).all():
                raise SceneError("a value is not a finite number", section=name)
        if (self.cholesky[:, ::2] < np.float32(MIN_DIAGONAL)).any():
            raise SceneError(
                "a diagonal is too small", section="cholesky", expected=f"at least {MIN_DIAGONAL}"
            )
        most = {"means": MAX_ABS_MEAN, "cholesky": MAX_FACTOR, "colors": MAX_ABS_COLOR}
        for name, bound in most.items():
            if (np.abs(getattr(self, name)) > bound).any():
                raise SceneError("a value is too large", section=name, expected=f"|x| <= {bound}")
        o = self.opacities
        if o is not None and not ((o > 0) & (o <= 1)).all():
            raise SceneError("an opacity is out of range", section="opacities", expected="(0, 1]")

    @property
    def n(self) -> int:
        """Number of Gaussians."""
        return len(self.means)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB, 4 for RGBA."""
        return int(self.colors.shape[1])

    def select(self, index: npt.NDArray[np.bool_] | npt.NDArray[np.integer] | slice) -> ImageSplats:
        """The Gaussians that `index` (a mask, row numbers or a slice) picks, in its order."""
        return replace(
            self,
            means=self.means[index],
            cholesky=self.cholesky[index],
            colors=self.colors[index],
            opacities=None if self.opacities is None else self.opacities[index],
        )

# SPDX-License-Identifier: Apache-2.0
"""`Pyramid`: levels of Gaussians in one coordinate system, each refining those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.errors import SceneError
from flexgs.image.model import MAX_ABS_COLOR, ImageSplats
from flexgs.image.render import PIXEL_VARIANCE, Crop, render, zoomed

F32 = npt.NDArray[np.float32]
MAX_LEVELS = 8
NARROWED = 0.75  # of a variance, at most


@dataclass(frozen=True, eq=False)
class Pyramid:
    """The first levels of an image: all of them, or a preview.

    Level k of K belongs to the picture of 2^-(K-1-k) of the size. The picture of a level is the
    sum of the Gaussians of all levels up to it.

    Raises:
        SceneError: no level, more levels than there are, or levels of different images.
    """

    levels: tuple[ImageSplats, ...]  # coarse to fine; all in pixels of the whole image
    total: int  # K, of the whole pyramid

    def __post_init__(self) -> None:
        kinds = {(s.width, s.height, s.channels, s.opacities is None) for s in self.levels}
        if not 1 <= len(self.levels) <= self.total <= MAX_LEVELS or len(kinds) != 1:
            raise SceneError(
                "not the levels of one image",
                expected=f"1 to {MAX_LEVELS} levels of one size",
                found=f"{len(self.levels)} of {self.total}, {len(kinds)} kinds",
            )

    @property
    def n(self) -> int:
        """Number of Gaussians in all levels."""
        return sum(level.n for level in self.levels)

    def splats(self, zoom: float = 1.0) -> ImageSplats:
        """The Gaussians that a picture of this zoom needs, in pixels of the whole image."""
        return joined(self.levels[: needed_levels(self.total, zoom)])

    def whole(self) -> Pyramid:
        """With an empty level for each that is missing: a fit that was ended early."""
        none = self.levels[0].select(slice(0, 0))
        missing = self.total - len(self.levels)
        return replace(self, levels=(*self.levels, *[none] * missing))


def needed_levels(total: int, zoom: float) -> int:
    """How many of the levels a picture at a zoom needs: those up to the first at least as large.

    >>> [needed_levels(3, zoom) for zoom in (0.1, 0.25, 0.3, 0.5, 0.6, 1, 8)]
    [1, 1, 2, 2, 3, 3, 3]
    """
    count = 1
    while count < total and zoom > 0.5 ** (total - count):
        count += 1
    return count


def joined(levels: Sequence[ImageSplats]) -> ImageSplats:
    """All Gaussians of the levels, which show one sum."""
    if len(levels) == 1:
        return levels[0]
    return replace(
        levels[0],
        means=np.concatenate([level.means for level in levels]),
        cholesky=np.concatenate([level.cholesky for level in levels]),
        colors=np.concatenate([level.colors for level in levels]),
    )


def render_pyramid(
    pyramid: Pyramid, crop: Crop | None = None, zoom: float = 1.0, threads: int | None = None
) -> F32:  # (h, w, channels)
    """The picture at a zoom, from no more levels than it needs; see `flexgs.image.render.render`.

    Raises:
        UsageError: the crop is not inside of the picture, or zoom makes none.
    """
    return render(pyramid.splats(zoom), crop, zoom, threads)


def reduced(image: F32, halvings: int) -> F32:  # (h, w, c) -> (ceil(h / 2^halvings), ...)
    """The image of a coarser level, by means of areas; its last row and column are repeated."""
    side = 1 << halvings
    height, width, channels = image.shape
    over = ((0, -height % side), (0, -width % side), (0, 0))
    full = np.pad(image, over, mode="edge") if any(after for _, after in over) else image
    rows, columns = full.shape[0] // side, full.shape[1] // side
    blocks = full.reshape(rows, side, columns, side, channels)
    return np.ascontiguousarray(blocks.mean(axis=(1, 3), dtype=np.float64), dtype=np.float32)


def level_size(width: int, height: int, halvings: int) -> tuple[int, int]:
    """Width and height in pixels of the image of a coarser level."""
    return -(-width >> halvings), -(-height >> halvings)


def to_level(splats: ImageSplats, halvings: int) -> ImageSplats:
    """Gaussians as a coarser level draws and stores them: in its own pixels, widened to those."""
    if halvings == 0:
        return splats
    width, height = level_size(splats.width, splats.height, halvings)
    return replace(zoomed(splats, 0.5**halvings), width=width, height=height)


def from_level(splats: ImageSplats, halvings: int, width: int, height: int) -> ImageSplats:
    """The inverse of `to_level`; what is thinner than a level's pixel is narrowed by less."""
    if halvings == 0:
        return splats
    cholesky, gain = narrowed(splats.cholesky, PIXEL_VARIANCE * (1 - 0.25**halvings))
    by = np.float32(2.0**halvings)
    colors = np.clip(splats.colors * gain[:, None], -MAX_ABS_COLOR, MAX_ABS_COLOR)
    return ImageSplats(splats.means * by, cholesky * by, colors, None, width, height)


def narrowed(cholesky: F32, variance: float) -> tuple[F32, F32]:  # (n, 3) -> (n, 3), (n,)
    """The factors of L L^T - s I, and what keeps the sum of weights.

    s is the variance, or three quarters of the shorter axis' where that is less. Of +, -, *, / and
    sqrt in doubles alone, as decoders must agree on every bit.
    """
    l11, l21, l22 = cholesky.astype(np.float64).T
    xx, xy, yy, root = l11 * l11, l11 * l21, l21 * l21 + l22 * l22, l11 * l22
    longest = (xx + yy) / 2 + np.sqrt((xx - yy) * (xx - yy) / 4 + xy * xy)
    taken = np.minimum(variance, NARROWED * root * root / longest)
    first = np.sqrt(xx - taken)
    after = np.sqrt(root * root - taken * (xx + yy) + taken * taken)  # the product of both axes
    factors = np.stack([first, xy / first, after / first], axis=1)
    return factors.astype(np.float32), (root / after).astype(np.float32)

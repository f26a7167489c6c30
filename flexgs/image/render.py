# SPDX-License-Identifier: Apache-2.0
"""Drawing an image's Gaussians: all of it, a crop, smaller or larger."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.errors import UsageError
from flexgs.image.model import ImageSplats
from flexgs.limits import MAX_CAMERA_SIDE, MAX_IMAGE_PIXELS

F32 = npt.NDArray[np.float32]
Crop = tuple[int, int, int, int]

TILE = 16  # pixels a side, as the kernels have it
# Variance in px^2 of a pixel's own area: a picture drawn smaller is widened by what its pixels
# cover more than the image's own did, so that it has the means of areas and not of points.
PIXEL_VARIANCE = 1.0 / 12.0


def render(
    splats: ImageSplats,
    crop: Crop | None = None,
    zoom: float = 1.0,
    threads: int | None = None,
) -> F32:  # (h, w, channels)
    """The picture that the Gaussians make, not clamped to 0..1.

    The same for any number of threads. A crop is equal, bit by bit, to that part of the whole.

    Args:
        crop: x0, y0, x1, y1 in pixels of the picture that is drawn (after zoom); x1, y1 excluded.
        zoom: pixels drawn for a pixel of the image. Below 1 covariances are widened to the larger
            pixel and weights lowered by the same area (no aliasing); above 1 edges stay as sharp
            as the Gaussians are.
        threads: None for all cores.

    Raises:
        UsageError: the crop is not inside of the picture, or zoom makes none.
    """
    from flexgs.image.kernels.lists import make_records, tile_lists

    splats = zoomed(splats, zoom)
    crop = checked_crop(splats, crop)
    window = (crop[0] // TILE, crop[1] // TILE, -(-crop[2] // TILE), -(-crop[3] // TILE))
    use_threads(threads)
    records = make_records(splats.means, splats.cholesky, opacities_of(splats))
    _, starts, members, _ = tile_lists(records, window)
    image = np.empty((crop[3] - crop[1], crop[2] - crop[0], splats.channels), np.float32)
    if splats.opacities is None:
        from flexgs.image.kernels.tiles import sum_image as draw
    else:
        from flexgs.image.kernels.layers import layer_image as draw
    draw(records, splats.colors, starts, members, tile_order(len(starts) - 1), window, crop, image)
    return image


def zoomed(splats: ImageSplats, zoom: float) -> ImageSplats:
    """The Gaussians of the picture at another size: round(side * zoom) pixels, at least 1.

    Raises:
        UsageError: zoom is not a positive number, or the picture would be too large.
    """
    if zoom == 1:
        return splats
    sides = [max(1.0, np.round(side * zoom)) for side in (splats.width, splats.height)]
    if not zoom > 0 or max(sides) > MAX_CAMERA_SIDE or sides[0] * sides[1] > MAX_IMAGE_PIXELS:
        raise UsageError(
            "no picture of that size can be drawn",
            expected=f"a zoom above 0, at most {MAX_IMAGE_PIXELS} pixels",
            found=zoom,
        )
    cholesky = splats.cholesky * np.float32(zoom)
    gain = np.ones(splats.n, np.float32)
    if zoom < 1:
        before = cholesky[:, 0] * cholesky[:, 2]
        cholesky = widened(cholesky, PIXEL_VARIANCE * (1 - zoom * zoom))
        gain = before / (cholesky[:, 0] * cholesky[:, 2])
    colors = splats.colors
    opacities = splats.opacities
    if opacities is None:
        colors = colors * gain[:, None]
    else:
        opacities = np.maximum(opacities * gain, np.finfo(np.float32).tiny)
    return replace(
        splats,
        means=splats.means * np.float32(zoom),
        cholesky=cholesky,
        colors=colors,
        opacities=opacities,
        width=int(sides[0]),
        height=int(sides[1]),
    )


def widened(cholesky: F32, variance: float) -> F32:  # (n, 3)
    """The factors of L L^T + variance I."""
    l11, l21, l22 = cholesky.astype(np.float64).T
    first = np.sqrt(l11 * l11 + variance)
    low = l11 * l21 / first
    second = np.sqrt(l21 * l21 + l22 * l22 + variance - low * low)
    return np.stack([first, low, second], axis=1).astype(np.float32)


def opacities_of(splats: ImageSplats) -> F32:  # (n,)
    """The opacities; ones for a sum, which has none."""
    return np.ones(splats.n, np.float32) if splats.opacities is None else splats.opacities


def tile_order(tiles: int) -> npt.NDArray[np.int64]:
    """A fixed shuffle, so that threads that take tiles in turn get equal work."""
    return np.random.default_rng(0).permutation(tiles)


def use_threads(threads: int | None) -> None:
    """Tells the kernels how many threads to use, as far as numba was started with them."""
    import numba

    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(max(1, min(threads or os.cpu_count() or 1, most)))


def checked_crop(splats: ImageSplats, crop: Crop | None) -> Crop:
    """The crop, or all of the picture for None.

    Raises:
        UsageError: the crop is not inside of the picture.
    """
    whole = (0, 0, splats.width, splats.height)
    if crop is None:
        return whole
    x0, y0, x1, y1 = crop
    if not (0 <= x0 < x1 <= splats.width and 0 <= y0 < y1 <= splats.height):
        raise UsageError(
            "the crop is not inside of the picture",
            expected=f"x0, y0, x1, y1 within {whole}",
            found=crop,
        )
    return crop

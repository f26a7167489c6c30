# SPDX-License-Identifier: Apache-2.0
"""The Gaussians that a fit starts from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.errors import UsageError
from flexgs.image.fit.placing.density import cells, content_density
from flexgs.image.model import ImageSplats
from flexgs.image.render import render

F32 = npt.NDArray[np.float32]

# Standard deviation over the distance between neighbours, and the share of its pixel's colour that
# a Gaussian starts with: weights of neighbours then add up to 2 pi SPACING^2 SHARE = 1.
SPACING = 0.5
SHARE = 1 / (2 * np.pi * SPACING**2)
RANDOM_SCALE = 5.0  # pixels
OPACITY = 0.7  # at the start, of a composited picture


def first_gaussians(
    image: F32,
    weights: F32 | None,
    count: int,
    start: str,
    layers: bool,
    rng: np.random.Generator,
) -> ImageSplats:
    """`count` Gaussians (superpixels: at most so many) to begin with."""
    if start == "superpixels":
        return superpixel_start(image, count, layers)
    if start == "random":
        return random_start(image, count, layers, rng)
    return content_start(image, weights, count, layers)


def content_start(image: F32, weights: F32 | None, count: int, layers: bool) -> ImageSplats:
    """More and smaller Gaussians where the image has more detail, and where that counts more.

    One for each of the rectangles that share the detail evenly and fill the picture.
    """
    wanted = content_density(image)
    boxes = cells(wanted if weights is None else wanted * weights, count)
    x0, y0, x1, y1 = boxes.T
    wide, high = (np.maximum(SPACING * side, 0.5) for side in (x1 - x0, y1 - y0))
    means = np.stack([(x0 + x1) / 2, (y0 + y1) / 2], axis=1)
    totals = np.zeros((image.shape[0] + 1, image.shape[1] + 1, image.shape[2]))
    totals[1:, 1:] = image.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    colors = totals[y1, x1] - totals[y0, x1] - totals[y1, x0] + totals[y0, x0]
    colors /= ((x1 - x0) * (y1 - y0))[:, None]
    cholesky = np.stack([wide, np.zeros_like(wide), high], axis=1)
    return balanced(_splats(image, means, cholesky, colors, layers))


def balanced(splats: ImageSplats) -> ImageSplats:
    """Colours over the sum of all weights at each mean, where `SHARE` is only right on average."""
    if splats.opacities is not None:
        return splats
    ones = replace(splats, colors=np.ones((splats.n, 1), np.float32))
    total = at_points(render(ones), splats.means) * np.float32(SHARE)
    return replace(splats, colors=splats.colors / np.maximum(total, 0.3))


def random_start(image: F32, count: int, layers: bool, rng: np.random.Generator) -> ImageSplats:
    """Anything anywhere: what the others are measured against.

    Source: GaussianImage (Zhang et al., ECCV 2024) starts with such places and colours.
    """
    height, width = image.shape[:2]
    means = rng.random((count, 2)) * [width, height]
    colors = rng.random((count, image.shape[2]))
    cholesky = np.tile([RANDOM_SCALE, 0.0, RANDOM_SCALE], (count, 1))
    return _splats(image, means, cholesky, colors, layers)


def superpixel_start(image: F32, count: int, layers: bool) -> ImageSplats:
    """One Gaussian a superpixel: its centre, its second moments, its mean colour.

    The number of superpixels, and so of Gaussians, only comes near `count`; it is never above it.

    Raises:
        UsageError: scikit-image is not installed.

    Source: Achanta et al., SLIC Superpixels, TPAMI 2012.
    """
    labels = _superpixels(image, count)
    n = int(labels.max()) + 1
    ys, xs = np.indices(labels.shape).astype(np.float64) + 0.5
    flat = labels.ravel()
    pixels = np.bincount(flat, minlength=n)

    def mean(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        return np.bincount(flat, values.ravel().astype(np.float64), minlength=n) / pixels

    x, y = mean(xs), mean(ys)
    xx, xy, yy = (
        mean(product)
        for product in (
            (xs - x[labels]) ** 2,
            (xs - x[labels]) * (ys - y[labels]),
            (ys - y[labels]) ** 2,
        )
    )
    # A patch of area A has moments near A / (4 pi); SPACING^2 A is wanted.
    grow = 4 * np.pi * SPACING**2
    l11 = np.sqrt(grow * xx + 0.25)
    l21 = grow * xy / l11
    l22 = np.sqrt(np.maximum(grow * yy + 0.25 - l21 * l21, 0.25))
    colors = np.stack([mean(image[..., c]) for c in range(image.shape[2])], axis=1)
    means, cholesky = np.stack([x, y], axis=1), np.stack([l11, l21, l22], axis=1)
    return balanced(_splats(image, means, cholesky, colors, layers))


def _superpixels(image: F32, count: int) -> npt.NDArray[np.int64]:
    """Labels (h, w), 0..n-1, n <= count."""
    try:
        from skimage.segmentation import slic
    except ImportError:
        raise UsageError(
            "superpixels need scikit-image",
            hint="Install the extra: pip install 'flexgs[image]', or start from content.",
        ) from None
    wanted = count
    while True:
        labels = slic(
            image[..., :3], n_segments=wanted, compactness=10.0, start_label=0, channel_axis=-1
        )
        _, dense = np.unique(labels, return_inverse=True)
        dense = dense.reshape(labels.shape).astype(np.int64)
        if dense.max() < count or wanted == 1:
            return np.minimum(dense, count - 1)
        wanted = max(1, int(wanted * 0.95))


def at_points(image: F32, means: F32) -> F32:  # (n, channels)
    """The image's values at the pixels that hold the points."""
    height, width = image.shape[:2]
    x = np.clip(means[:, 0].astype(np.int64), 0, width - 1)
    y = np.clip(means[:, 1].astype(np.int64), 0, height - 1)
    return np.asarray(image[y, x])


def _splats(
    image: F32, means: npt.ArrayLike, cholesky: npt.ArrayLike, colors: npt.ArrayLike, layers: bool
) -> ImageSplats:
    colors = np.asarray(colors, np.float32)
    return ImageSplats(
        np.asarray(means, np.float32),
        np.asarray(cholesky, np.float32),
        colors if layers else colors * np.float32(SHARE),
        np.full(len(colors), OPACITY) if layers else None,
        width=image.shape[1],
        height=image.shape[0],
    )

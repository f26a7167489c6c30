# SPDX-License-Identifier: Apache-2.0
"""The Gaussians that a fit starts from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from flexgs.errors import UsageError
from flexgs.image.fit.density import content_density, place
from flexgs.image.model import ImageSplats

F32 = npt.NDArray[np.float32]

# Standard deviation over the distance between neighbours, and the share of its pixel's colour that
# a Gaussian starts with: weights of neighbours then add up to 2 pi SPACING^2 SHARE = 1.
SPACING = 0.5
SHARE = 1 / (2 * np.pi * SPACING**2)
RANDOM_SCALE = 5.0  # pixels
OPACITY = 0.7  # at the start, of a composited picture
WIDEST = 60.0  # pixels
COLOR_BLUR = 1.5  # pixels


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
    return content_start(image, weights, count, layers, rng)


def content_start(
    image: F32, weights: F32 | None, count: int, layers: bool, rng: np.random.Generator
) -> ImageSplats:
    """More and smaller Gaussians where the image has more detail, and where that counts more."""
    wanted = content_density(image)
    means, density = place(wanted if weights is None else wanted * weights, count, rng)
    scales = np.clip(SPACING / np.sqrt(density), 0.7, WIDEST)
    smooth = gaussian_filter(image, (COLOR_BLUR, COLOR_BLUR, 0))
    return _round(image, means, scales, at_points(smooth, means), layers)


def random_start(image: F32, count: int, layers: bool, rng: np.random.Generator) -> ImageSplats:
    """Places without regard to the image; colours from it. What the others are measured against."""
    height, width = image.shape[:2]
    means = (rng.random((count, 2)) * [width, height]).astype(np.float32)
    scales = np.full(count, RANDOM_SCALE)
    return _round(image, means, scales, at_points(image, means), layers)


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
    return _splats(
        image, np.stack([x, y], axis=1), np.stack([l11, l21, l22], axis=1), colors, layers
    )


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


def _round(
    image: F32, means: F32, scales: npt.NDArray[np.floating], colors: F32, layers: bool
) -> ImageSplats:
    cholesky = np.stack([scales, np.zeros_like(scales), scales], axis=1)
    return _splats(image, means, cholesky, colors, layers)


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

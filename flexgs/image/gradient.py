# SPDX-License-Identifier: Apache-2.0
"""How far a picture of Gaussians is from an image, and the gradient of that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.errors import SceneError
from flexgs.image.model import ImageSplats
from flexgs.image.render import TILE, opacities_of, tile_order

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
AREA = TILE * TILE


@dataclass(frozen=True)
class Target:
    """An image in the order of its tiles, with a weight a pixel; 0 beyond the image's edge."""

    values: F32  # (tiles, channels * 256)
    weights: F32  # (tiles, 256)
    order: npt.NDArray[np.int64]  # (tiles,) in which tiles are handed to threads
    width: int
    height: int
    channels: int

    @property
    def window(self) -> tuple[int, int, int, int]:
        """All tiles, as the kernels take them."""
        return (0, 0, -(-self.width // TILE), -(-self.height // TILE))


@dataclass(frozen=True)
class Gradients:
    """dL/d of what `ImageSplats` holds, and the errors of the picture clamped to 0..1."""

    means: F32  # (n, 2)
    cholesky: F32  # (n, 3)
    colors: F32  # (n, channels)
    opacities: F32 | None  # (n,); None for a sum
    energy: float  # the loss itself, without `extra`
    mean_square: float  # of the picture clamped to 0..1; over pixels and channels, by pixel weight
    mean_absolute: float

    @property
    def psnr(self) -> float:
        """In dB for a peak of 1."""
        return -10 * float(np.log10(max(self.mean_square, 1e-20)))


def make_target(
    image: F32,  # (h, w, channels) in 0..1
    weights: F32 | None = None,  # (h, w) how much each pixel counts; None: 1
) -> Target:
    """Cuts an image into tiles.

    Raises:
        SceneError: not an image of 1, 3 or 4 channels, values that are no numbers, weights that are
            negative, all 0, or not one a pixel.
    """
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or image.size == 0:
        raise SceneError("not an image", expected="(h, w, 1|3|4)", found=image.shape)
    if not np.isfinite(image).all():
        raise SceneError("the image holds values that are not finite numbers")
    height, width, channels = image.shape
    ones = np.ones((height, width), np.float32) if weights is None else weights
    if ones.shape != (height, width) or not (np.isfinite(ones) & (ones >= 0)).all():
        raise SceneError("not weights of pixels", expected=f"{height}x{width} values of at least 0")
    if not ones.any():
        raise SceneError("no pixel has a weight above 0")
    tiles = (-(-height // TILE)) * (-(-width // TILE))
    return Target(
        in_tiles(image), in_tiles(ones[..., None]), tile_order(tiles), width, height, channels
    )


def in_tiles(image: F32) -> F32:  # (h, w, channels) -> (tiles, channels * 256)
    """Tile after tile, in each the planes of the channels; zeros beyond the edge."""
    height, width, channels = image.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    padded = np.zeros((rows * TILE, columns * TILE, channels), np.float32)
    padded[:height, :width] = image
    cut = padded.reshape(rows, TILE, columns, TILE, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(cut).reshape(rows * columns, channels * AREA)


def gradients(
    splats: ImageSplats,
    target: Target,
    l2: float = 1.0,
    l1: float = 0.0,
    extra: F32 | None = None,  # (h, w, channels) a gradient of the picture to add
) -> Gradients:
    """Picture, errors and gradients in one pass; the same bits for any number of threads.

    L = sum over pixels and channels of weight (l2 r^2 / 2 + l1 |r|) + extra picture, with
    r = picture - image; beyond 0..1 the picture is not clamped here, so that it finds back.

    Raises:
        SceneError: Gaussians and target are of different sizes or channels.
    """
    from flexgs.image.kernels.chain import shape_gradients, sum_pairs
    from flexgs.image.kernels.layers import layer_step
    from flexgs.image.kernels.tiles import sum_step

    records, offsets, lists = _lists(splats, target)
    fixed = 5 if splats.opacities is None else 6
    pairs = np.empty((len(lists[1]), fixed + splats.channels), np.float32)
    errors = np.empty((len(target.order), 3))
    (sum_step if splats.opacities is None else layer_step)(
        records,
        splats.colors,
        lists,
        target.order,
        target.window,
        target.values,
        target.weights,
        np.zeros((1, 0), np.float32) if extra is None else in_tiles(extra),
        np.float32(l2),
        np.float32(l1),
        pairs,
        errors,
    )
    sums = sum_pairs(pairs, offsets)
    means, shapes = shape_gradients(sums, splats.cholesky)
    count = target.channels * float(target.weights.sum(dtype=np.float64))
    energy, square, absolute = (float(total) for total in errors.sum(axis=0))
    return Gradients(
        means,
        shapes,
        sums[:, fixed:],
        None if splats.opacities is None else sums[:, 5],
        energy,
        square / count,
        absolute / count,
    )


def removal_errors(splats: ImageSplats, target: Target) -> F32:  # (n,)
    """By how much the sum of squared errors grows when each Gaussian alone is taken away.

    Exact, for the picture before clamping; negative where the picture would get better.

    Raises:
        SceneError: Gaussians and target are of different sizes or channels.
    """
    from flexgs.image.kernels.chain import sum_pairs
    from flexgs.image.kernels.removal import removal

    records, offsets, lists = _lists(splats, target)
    pairs = np.empty((len(lists[1]), 1), np.float32)
    layered = splats.opacities is not None
    removal(
        records,
        splats.colors,
        lists,
        target.order,
        target.window,
        target.values,
        target.weights,
        layered,
        pairs,
    )
    errors: F32 = sum_pairs(pairs, offsets)[:, 0]
    return errors


def _lists(splats: ImageSplats, target: Target) -> tuple[F32, I64, tuple[I64, I32, I32]]:
    """records, offsets, (starts, members, slots) of the kernels."""
    from flexgs.image.kernels.lists import make_records, tile_lists

    have = (splats.width, splats.height, splats.channels)
    want = (target.width, target.height, target.channels)
    if have != want:
        raise SceneError("Gaussians and image differ", expected=want, found=have)
    records = make_records(splats.means, splats.cholesky, opacities_of(splats))
    offsets, starts, members, slots = tile_lists(records, target.window)
    return records, offsets, (starts, members, slots)

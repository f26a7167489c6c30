# SPDX-License-Identifier: Apache-2.0
"""Where Gaussians are wanted: densities over pixels, points drawn from them, how many in all."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from flexgs.compiling import CACHE

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

BLUR = 2.0  # pixels; detail is spread to where the Gaussians that show it will lie
FLOOR = 0.1  # of the mean density, everywhere: flat parts need a few as well
MOST = 0.5  # Gaussians a pixel; error diffusion cannot place more than one


def detail(image: F32) -> F64:  # (h, w, channels) -> (h, w)
    """Length of the colour gradient, blurred."""
    right = np.diff(image, axis=1, append=image[:, -1:])
    down = np.diff(image, axis=0, append=image[-1:])
    length = np.sqrt((right * right + down * down).sum(axis=2, dtype=np.float64))
    blurred: F64 = gaussian_filter(length, BLUR)
    return blurred


def content_density(image: F32) -> F64:  # (h, w)
    """Relative density of Gaussians that the content asks for; its mean is 1 + FLOOR."""
    amount = detail(image)
    mean = amount.mean()
    return amount / mean + FLOOR if mean > 0 else np.ones_like(amount)


def place(density: F64, count: int, rng: np.random.Generator) -> tuple[F32, F32]:
    """`count` points (count, 2) in pixels and the density (count,) that each was placed with.

    Error diffusion (Floyd and Steinberg, 1976) spreads them evenly where drawing at random would
    make clumps and holes; the few points that it has too many or too few are drawn at random.
    """
    wanted = np.minimum(density * (count / density.sum()), MOST)
    for _ in range(5):  # what the bound took away goes to the rest
        wanted = np.minimum(wanted * (count / wanted.sum()), MOST)
    rows, columns = np.nonzero(_diffuse(wanted.copy()))
    at = rows * density.shape[1] + columns
    if len(at) > count:
        at = np.sort(rng.permutation(at)[:count])
    elif len(at) < count:
        more = rng.choice(density.size, count - len(at), p=wanted.ravel() / wanted.sum())
        at = np.concatenate([at, more])
    points = np.stack([at % density.shape[1], at // density.shape[1]], axis=1) + 0.5
    return points.astype(np.float32), wanted.ravel()[at].astype(np.float32)


@nb.njit(cache=CACHE, error_model="numpy")
def _diffuse(amount):  # type: ignore[no-untyped-def]
    """0 or 1 at each pixel with local means of `amount` (h, w), which is overwritten."""
    height, width = amount.shape
    for y in range(height):
        step = 1 if y % 2 == 0 else -1
        for k in range(width):
            x = k if step > 0 else width - 1 - k
            on = 1.0 if amount[y, x] >= 0.5 else 0.0
            rest = (amount[y, x] - on) / 16
            amount[y, x] = on
            before, after = x - step, x + step
            if 0 <= after < width:
                amount[y, after] += 7 * rest
            if y + 1 < height:
                if 0 <= before < width:
                    amount[y + 1, before] += 3 * rest
                amount[y + 1, x] += 5 * rest
                if 0 <= after < width:
                    amount[y + 1, after] += rest
    return amount

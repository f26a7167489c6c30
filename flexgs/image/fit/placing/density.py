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
FLOOR = 0.3  # of the mean density, everywhere: flat parts need a few as well
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


def cells(density: F64, count: int) -> npt.NDArray[np.int64]:  # (count, 4)
    """x0, y0, x1, y1 of `count` rectangles of about equal mass that fill the picture.

    Halving on the longer side, at the pixel that halves the mass. Cells of one pixel may repeat.
    """
    total = np.zeros((density.shape[0] + 1, density.shape[1] + 1))
    total[1:, 1:] = density.cumsum(axis=0).cumsum(axis=1)
    found: npt.NDArray[np.int64] = _halve(total, count)
    return found


@nb.njit(cache=CACHE, error_model="numpy")
def _mass(total, x0, y0, x1, y1):  # type: ignore[no-untyped-def]
    return total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]


@nb.njit(cache=CACHE, error_model="numpy")
def _halve(total, count):  # type: ignore[no-untyped-def]
    found = np.empty((count, 4), np.int64)
    stack = np.empty((128, 5), np.int64)  # halving: its depth is the logarithm of the count
    stack[0] = (0, 0, total.shape[1] - 1, total.shape[0] - 1, count)
    waiting, n = 1, 0
    while waiting > 0:
        waiting -= 1
        x0, y0, x1, y1, parts = stack[waiting]
        if parts == 1 or (x1 - x0 == 1 and y1 - y0 == 1):
            for _ in range(parts):
                found[n] = (x0, y0, x1, y1)
                n += 1
            continue
        first = parts // 2
        wanted = _mass(total, x0, y0, x1, y1) * first / parts
        wide = x1 - x0 >= y1 - y0
        low, high = (x0 + 1, x1 - 1) if wide else (y0 + 1, y1 - 1)
        while low < high:
            cut = (low + high) // 2
            mass = _mass(total, x0, y0, cut, y1) if wide else _mass(total, x0, y0, x1, cut)
            if mass < wanted:
                low = cut + 1
            else:
                high = cut
        if wide:
            stack[waiting] = (x0, y0, low, y1, first)
            stack[waiting + 1] = (low, y0, x1, y1, parts - first)
        else:
            stack[waiting] = (x0, y0, x1, low, first)
            stack[waiting + 1] = (x0, low, x1, y1, parts - first)
        waiting += 2
    return found


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

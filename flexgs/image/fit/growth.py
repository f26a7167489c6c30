# SPDX-License-Identifier: Apache-2.0
"""Gaussians where the error is: new ones, or parts of those that are there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from flexgs.image.fit.options import FitOptions
from flexgs.image.fit.placing.density import place
from flexgs.image.fit.schedule import Stage
from flexgs.image.fit.shapes import SHAPES
from flexgs.image.fit.starts import OPACITY, at_points
from flexgs.image.fit.state import State, join, select, start_state, to_splats
from flexgs.image.gradient import removal_errors
from flexgs.image.model import ImageSplats
from flexgs.image.render import render

F32 = npt.NDArray[np.float32]

ERROR_BLUR = 0.7  # pixels; an error that changes its sign from pixel to pixel is no place to add at
ERROR_POWER = 1.4  # of the squared error; the worst places first
SPACING = 0.6  # standard deviation over the distance between new neighbours
NARROWEST, WIDEST = 1.0, 4.0  # pixels
SHARE = 0.5  # of the error's colour that a new Gaussian starts with
# A split Gaussian's parts lie at mean +- APART s1 and are NARROWER as long: the same moments.
APART, NARROWER = 0.6, 0.8


def grown(
    state: State, stage: Stage, wanted: int, options: FitOptions, rng: np.random.Generator
) -> State:
    """The state with `wanted` Gaussians, some of the old ones replaced if the options say so."""
    shapes, layers = SHAPES[options.shapes], options.layers
    splats = to_splats(state, shapes, stage.size, layers)
    replaced = int(options.growth.replace_share * state.n)
    if replaced > 0:
        keep = np.sort(np.argsort(removal_errors(splats, stage.target), kind="stable")[replaced:])
        state, splats = select(state, keep), splats.select(keep)
    count = wanted - state.n
    if count <= 0:
        return state
    picture = render(splats, threads=options.threads)
    if options.growth.how == "add" or count > splats.n:
        new = start_state(added(stage, picture, count, layers, rng), shapes)
        return join(new, state)  # in layers: in front, where they are seen
    rows = worst(splats, stage.image, picture, count)
    rest = np.setdiff1d(np.arange(splats.n), rows)
    parts = halves(splats, rows, split=options.growth.how == "split")
    return join(select(state, rest), start_state(parts, shapes))


def added(
    stage: Stage, picture: F32, count: int, layers: bool, rng: np.random.Generator
) -> ImageSplats:
    """`count` new Gaussians, placed by a power of the blurred squared error."""
    image = stage.image
    error = image - np.clip(picture, 0, 1)
    smooth = gaussian_filter(error, (ERROR_BLUR, ERROR_BLUR, 0))
    density = (smooth.astype(np.float64) ** 2).sum(axis=2) ** ERROR_POWER
    if stage.weights is not None:
        density *= stage.weights
    means, placed = place(density + 1e-12, count, rng)
    scales = np.clip(SPACING / np.sqrt(placed), NARROWEST, WIDEST)
    cholesky = np.stack([scales, np.zeros_like(scales), scales], axis=1).astype(np.float32)
    colors = at_points(image, means) if layers else SHARE * at_points(smooth, means)
    height, width = image.shape[:2]
    opacities = np.full(count, OPACITY) if layers else None
    return ImageSplats(means, cholesky, colors, opacities, width, height)


def worst(splats: ImageSplats, image: F32, picture: F32, count: int) -> npt.NDArray[np.int64]:
    """Rows of the `count` Gaussians that lie over the most error, ascending."""
    error = ((image - np.clip(picture, 0, 1)) ** 2).sum(axis=2)
    there = at_points(gaussian_filter(error, 2 * ERROR_BLUR)[..., None], splats.means)[:, 0]
    score = there * splats.cholesky[:, 0] * splats.cholesky[:, 2]
    return np.sort(np.argsort(-score, kind="stable")[:count])


def halves(splats: ImageSplats, rows: npt.NDArray[np.int64], split: bool) -> ImageSplats:
    """Two for each of the rows, all first halves before all second ones.

    split: side by side along the longer axis, together with the moments of the one; otherwise two
    copies a little apart. Either way they show together about what the one showed.
    """
    chosen = splats.select(rows)
    l11, l21, l22 = chosen.cholesky.astype(np.float64).T
    xx, xy, yy = l11 * l11, l11 * l21, l21 * l21 + l22 * l22
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    long = np.sqrt((xx + yy) / 2 + np.hypot((xx - yy) / 2, xy))
    offset = (APART if split else 0.25) * long[:, None] * axis
    cholesky, gain = chosen.cholesky, 0.5
    if split:
        take = (1 - NARROWER**2) * long * long  # off the variance along the axis
        xx, xy, yy = (
            value - take * a * b
            for value, a, b in (
                (xx, axis[:, 0], axis[:, 0]),
                (xy, axis[:, 0], axis[:, 1]),
                (yy, axis[:, 1], axis[:, 1]),
            )
        )
        first = np.sqrt(xx)
        cholesky = np.stack([first, xy / first, l11 * l22 * NARROWER / first], axis=1)
        gain = 0.5 / NARROWER
    opacities = chosen.opacities
    both = np.concatenate([np.arange(chosen.n)] * 2)
    return replace(
        chosen.select(both),
        means=np.concatenate([chosen.means + offset, chosen.means - offset]),
        cholesky=np.concatenate([cholesky] * 2),
        colors=chosen.colors[both] * (gain if opacities is None else 1.0),
        opacities=None if opacities is None else 1 - np.sqrt(1 - opacities[both]),
    )

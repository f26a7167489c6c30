# SPDX-License-Identifier: Apache-2.0
"""Frame, cells and coefficients of a scene's geometry, fitted to it (encoder only)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.quant.adaptive.blocks import find_targets, sort_axes
from flexgs.quant.adaptive.cells import (
    MAX_DEPTH,
    cell_codes,
    contract,
    distance_features,
    find_cells,
)
from flexgs.quant.adaptive.features import (
    OCTAVE,
    fisher_misfit,
    fit_guesses,
    fit_steps,
    stack_features,
)
from flexgs.quant.adaptive.feedback import factor_blocks
from flexgs.quant.adaptive.geometry_plan import MAX_FLOOR, GeometryPlan
from flexgs.quant.adaptive.levels import (
    ONE,
    blurred_scales,
    blurred_slopes,
    opacity_features,
    opacity_targets,
)
from flexgs.quant.positions import Frame, fit_frame

I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]

_STEP_FEATURES = (1, 3, 4, 5, 6, 6, 6)  # how many are known before each row of STEPPED
_DENSITY = 0.72  # cells are as small as it takes to have this share of the most there can be
# What rounding costs against a step of its own, found by trial: values that are chosen by their
# price take finer steps, the best of 27 points takes coarser ones.
_WEIGHTS = (1.0, 1.4, 1.4, 1.4, 1.75, 1.0, 0.86)
_FLOOR_BELOW_BLUR = 18  # sixteenths: u still tells apart what the blur nearly hides
_BLUR_ROWS = 8000  # a sample is enough to find the blur
_BLUR_STEP = 16
_FIT_ROWS = 40_000  # and enough for seven coefficients


def choose_depth(codes: npt.NDArray[np.uint64]) -> int:  # (n,)
    """The smallest depth whose cells separate Gaussians nearly as well as the deepest can.

    Args:
        codes: Morton codes of cells of MAX_DEPTH; those of a depth d are their upper bits.
    """
    if not len(codes):
        return 0
    ordered = np.sort(codes)
    ordered[1:] ^= ordered[:-1].copy()  # neighbours differ from this bit on
    apart = ordered[1:]
    counts = [
        1 + int(np.count_nonzero(apart >= np.uint64(1 << 3 * (MAX_DEPTH - d))))
        for d in range(MAX_DEPTH + 1)
    ]
    return next(d for d, count in enumerate(counts) if count >= _DENSITY * counts[-1])


def find_blur(splats: Splats, fisher: npt.NDArray[np.floating], contracted: F64, depth: int) -> int:
    """log2, in sixteenths, of the axis that the renderer's own blur is as wide as.

    Below it F falls as s^4 with the scale; the blur is right when, measured per octave of
    sqrt(s^2 + blur^2), F is the best predictable from all that is known.
    """
    if not splats.n:
        return 0
    rows = np.arange(0, splats.n, max(splats.n // _BLUR_ROWS, 1))
    sample = splats.select(rows)
    order = sort_axes(sample)[0]
    scales = np.take_along_axis(sample.log_scales.astype(np.float64), order, axis=1) / np.log(2.0)
    per_octave = fisher[rows[:, None], 3 + order, 3 + order].astype(np.float64)
    alpha, clearness = opacity_features(
        np.rint(opacity_targets(sample.opacity_logits)[0] * ONE).astype(np.int64)
    )
    distance = distance_features(find_cells(contracted[rows], depth), depth)
    thinnest = np.sort(scales[:, 2])
    low, high = (round(OCTAVE * float(thinnest[len(rows) * q // 100])) for q in (3, 50))
    low, high = max(low, -MAX_FLOOR), min(high, MAX_FLOOR)

    def misfit(blur: int) -> float:
        bends = np.array([0.0, np.exp2(blur * 2.0 / OCTAVE)])
        seen, slopes = blurred_scales(scales, bends), blurred_slopes(scales, bends)
        known = stack_features(distance, alpha, clearness, np.rint(seen * OCTAVE).astype(np.int32))
        return sum(fisher_misfit(known, per_octave[:, k] / slopes[:, k] ** 2) for k in (1, 2))

    coarse = min(range(low, max(high, low) + 1, _BLUR_STEP), key=misfit)
    half = _BLUR_STEP // 2
    return min((coarse, coarse - half, coarse + half), key=misfit)


def plan_geometry(
    splats: Splats, fisher: npt.NDArray[np.floating], lam: float
) -> tuple[GeometryPlan, F64, int]:
    """Frame, cells, and coefficients fitted to the scene; contracted positions, blur."""
    frame = fit_frame(splats.means)
    cells = find_cells(contract(splats.means, frame), MAX_DEPTH)
    return plan_within(splats, fisher, lam, frame, choose_depth(cell_codes(cells, MAX_DEPTH)))


def plan_within(
    splats: Splats, fisher: npt.NDArray[np.floating], lam: float, frame: Frame, depth: int
) -> tuple[GeometryPlan, F64, int]:
    """`plan_geometry` with cells that are known: `splats` may be a sample of the scene."""
    contracted = contract(splats.means, frame)
    blur = find_blur(splats, fisher, contracted, depth)
    floor = int(np.clip(blur - _FLOOR_BELOW_BLUR, -MAX_FLOOR, MAX_FLOOR))
    rows = np.arange(0, splats.n, max(splats.n // _FIT_ROWS, 1))
    targets = find_targets(splats, fisher, floor, lam, rows)
    cells = find_cells(contracted[rows], depth)
    alpha, clearness = opacity_features(np.rint(targets.opacity * ONE).astype(np.int64))
    scales = targets.scales
    features = stack_features(
        distance_features(cells, depth),
        alpha,
        clearness,
        np.rint(scales * OCTAVE).astype(np.int32),
    )
    needed = _needed(targets.blocks, float(frame.radius))
    steps = [
        fit_steps(_known_only(features, known), weight * need, lam)
        for known, need, weight in zip(_STEP_FEATURES, needed, _WEIGHTS, strict=True)
    ]
    guesses = [
        fit_guesses(_known_only(features, known), scales[:, axis])
        for axis, known in enumerate(_STEP_FEATURES[1:4])
    ]
    plan = GeometryPlan(frame, depth, 0, floor, np.stack(steps), np.stack(guesses))
    return plan, contracted, blur


def _needed(blocks: F64, radius: float) -> list[F64]:  # (n, 10, 10) -> (n,) by row of STEPPED
    """What an error of each parameter costs when those after it make up for it as they can."""
    pivots = factor_blocks(blocks)[0]
    return [
        *pivots[:, :4].T,
        pivots[:, 4:6].mean(axis=1) * (np.pi / 4) ** 2,  # a and b turn by pi/4 a unit
        pivots[:, 6] * (np.pi / 2) ** 2,
        np.exp(np.log(pivots[:, 7:]).mean(axis=1)) * radius**2,
    ]


def _known_only(features: I32, known: int) -> I32:
    kept = features.copy()
    kept[:, known:] = 0
    return kept

# SPDX-License-Identifier: Apache-2.0
"""Gaussians that are legal and still odd: unseen, doubled, huge, far away, without colour.

The bounds are wide: on trained scenes they single out what somebody would want to look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.lint.model import Code, Finding, Severity
from flexgs.lint.values import Mask, Rows, first_rows

DEAD_OPACITY = 1 / 255  # renderers skip what adds less
HUGE_EXTENTS = 1.0  # sizes of the scene that one Gaussian may have
TINY_EXTENTS = 1e-7  # below: not a pixel from anywhere
NEEDLE_RATIO = 1000.0  # largest to middle axis
FAR_EXTENTS = 100.0  # from the middle of the scene
UNIT_WITHIN = 0.02  # what 8 bits a number, as in a .splat, make of a unit quaternion
COARSE_STEPS = 4.0  # of float32, that a typical Gaussian is wide at least
_FNV_START, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
_MIDDLE = (5, 50, 95)  # percentiles of positions: ends and middle of the scene


def find_oddities(splats: Splats, rows: Rows) -> list[Finding]:
    """Everything odd about usable Gaussians; `rows`, (n,), are their numbers in the file."""
    if not splats.n:
        return []
    low, middle, high = np.percentile(splats.means, _MIDDLE, axis=0)
    extent = float(np.linalg.norm(high - low))
    found = [*_unseen(splats), *_doubled(splats), *_shapes(splats, extent)]
    found += _far(splats, middle, extent)
    findings = [
        Finding(severity, code, what, int(mask.sum()), first_rows(mask, rows), field)
        for severity, code, what, mask, field in found
        if mask.any()
    ]
    return [*findings, *_empty_bands(splats), *_coarse_positions(splats, middle)]


Odd = tuple[Severity, Code, str, Mask, str]


def _unseen(splats: Splats) -> Iterator[Odd]:
    dead = sigmoid(splats.opacity_logits) < DEAD_OPACITY
    yield "info", "dead", "opacity below 1/255: never seen", dead, "opacity_logits"
    lengths = np.linalg.norm(splats.quats.astype(np.float64), axis=1)
    odd = np.abs(lengths - 1) > UNIT_WITHIN
    yield "info", "quaternion-length", "quaternions not of length 1", odd, "quats"


def _doubled(splats: Splats) -> Iterator[Odd]:
    """All but the first of those that are equal in everything, bit by bit."""
    codes = _row_codes(splats)
    order = np.argsort(codes, kind="stable")
    again = np.flatnonzero(codes[order[1:]] == codes[order[:-1]])
    later, earlier = order[again + 1], order[again]
    equal = np.ones(len(again), bool)
    for words in _words(splats):
        equal &= (words[later] == words[earlier]).all(axis=1)
    doubled = np.zeros(splats.n, bool)
    doubled[later[equal]] = True
    yield "warning", "duplicates", "equal to another one in everything", doubled, "means"


def _words(splats: Splats) -> Iterator[npt.NDArray[np.uint32]]:  # (n, numbers of a field)
    """The bits of every field."""
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
        yield getattr(splats, name).reshape(splats.n, -1).view(np.uint32)


def _row_codes(splats: Splats) -> npt.NDArray[np.uint64]:  # (n,)
    """A number for each Gaussian, the same for equal ones (FNV-1a, by words)."""
    codes = np.full(splats.n, _FNV_START, np.uint64)
    for words in _words(splats):
        for column in words.T:
            codes ^= column
            codes *= np.uint64(_FNV_PRIME)
    return codes


def _shapes(splats: Splats, extent: float) -> Iterator[Odd]:
    ordered = np.sort(splats.log_scales, axis=1)
    largest = ordered[:, -1]
    if extent > 0:
        huge = largest > np.log(HUGE_EXTENTS * extent)
        yield "warning", "huge", f"larger than the scene ({extent:.4g})", huge, "log_scales"
        tiny = largest < np.log(TINY_EXTENTS * extent)
        yield "info", "tiny", "too small to be seen", tiny, "log_scales"
    needles = largest - ordered[:, -2] > np.log(NEEDLE_RATIO)
    what = f"needles: over {NEEDLE_RATIO:g} times as long as wide"
    yield "info", "needles", what, needles, "log_scales"


def _far(splats: Splats, middle: npt.NDArray[np.float64], extent: float) -> Iterator[Odd]:
    if extent <= 0:
        return
    away = np.linalg.norm(splats.means - middle, axis=1)
    far = away > FAR_EXTENTS * extent
    what = f"over {FAR_EXTENTS:g} times the size of the scene ({extent:.4g}) away from it"
    yield "warning", "far", what, far, "means"


def _empty_bands(splats: Splats) -> list[Finding]:
    """Degrees that are there and say nothing."""
    used = 0
    for degree in range(1, splats.degree + 1):
        if splats.sh[:, degree**2 : (degree + 1) ** 2].any():
            used = degree
    if used == splats.degree:
        return []
    what = f"SH of degree {splats.degree}, but all above degree {used} are zero"
    return [Finding("warning", "empty-sh", what, field="sh")]


def _coarse_positions(splats: Splats, middle: npt.NDArray[np.float64]) -> list[Finding]:
    """A scene so far from its origin that float32 cannot place its Gaussians."""
    step = float(np.spacing(np.abs(middle).max().astype(np.float32)))
    size = float(np.exp(np.median(np.sort(splats.log_scales, axis=1)[:, 1])))
    if size >= COARSE_STEPS * step:
        return []
    what = (
        f"so far from the origin that float32 positions are {step:.2g} apart, and a Gaussian "
        f"is {size:.2g} wide"
    )
    hint = "flexgs transform --translate moves the scene to its origin"
    return [Finding("warning", "coarse-positions", what, field="means", hint=hint)]

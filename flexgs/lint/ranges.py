# SPDX-License-Identifier: Apache-2.0
"""Ranges of all attributes, in their own domains (docs/conventions.md)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.lint.model import Range

F32 = npt.NDArray[np.float32]

_PERCENTILES = (0, 1, 50, 99, 100)


def attribute_ranges(splats: Splats) -> tuple[Range, ...]:
    """One for each axis of position, and for every other attribute; whatever the numbers are."""
    return tuple(_range(name, values) for name, values in _attributes(splats))


def _attributes(splats: Splats) -> Iterator[tuple[str, F32]]:
    for axis, name in enumerate("xyz"[: splats.d]):
        yield name, splats.means[:, axis]
    yield "log_scales", splats.log_scales
    with np.errstate(over="ignore", invalid="ignore"):
        yield "quat_length", np.linalg.norm(splats.quats, axis=1)
    yield "opacity_logits", splats.opacity_logits
    yield "dc", splats.sh[:, 0]
    for degree in range(1, splats.degree + 1):
        yield f"sh_{degree}", splats.sh[:, degree**2 : (degree + 1) ** 2]


def _range(name: str, values: F32) -> Range:
    flat = values.reshape(-1)
    finite = np.isfinite(flat)
    nan = int(np.isnan(flat).sum())
    infinite = flat.size - nan - int(finite.sum())
    usable = flat if finite.all() else flat[finite]
    if not usable.size:
        return Range(name, None, None, None, None, None, nan, infinite)
    low, p1, median, p99, high = (float(x) for x in np.percentile(usable, _PERCENTILES))
    return Range(name, low, p1, median, p99, high, nan, infinite)

# SPDX-License-Identifier: Apache-2.0
"""Fewer Gaussians, by what taking each away costs."""

from __future__ import annotations

import numpy as np

from flexgs.image.gradient import Target, removal_errors
from flexgs.image.model import ImageSplats

ROUNDS = 8  # neighbours that cover for each other must not go in the same one


def pruned(splats: ImageSplats, target: Target, count: int) -> ImageSplats:
    """The `count` Gaussians, in stored order, that are left after the least are taken away.

    Removal errors are exact and are found anew after each of a few rounds.
    """
    first = splats.n
    for i in range(1, ROUNDS + 1):
        keep = max(count, round(first + (count - first) * i / ROUNDS))
        if keep < splats.n:
            order = np.argsort(-removal_errors(splats, target), kind="stable")
            splats = splats.select(np.sort(order[:keep]))
    return splats

# SPDX-License-Identifier: Apache-2.0
"""From an image to its Gaussians."""

from __future__ import annotations

from flexgs.image.fit.loop import FitResult, Moment, fit
from flexgs.image.fit.options import FitOptions, Growth, Loss, Rates
from flexgs.image.fit.placing.counting import count_for, entropy_of
from flexgs.image.fit.pruning import pruned

__all__ = [
    "FitOptions",
    "FitResult",
    "Growth",
    "Loss",
    "Moment",
    "Rates",
    "count_for",
    "entropy_of",
    "fit",
    "pruned",
]

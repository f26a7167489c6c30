# SPDX-License-Identifier: Apache-2.0
"""From an image to its Gaussians."""

from __future__ import annotations

from flexgs.image.fit.loop import FitResult, Moment, fit
from flexgs.image.fit.options import FitOptions, Growth, Loss, Rates

__all__ = ["FitOptions", "FitResult", "Growth", "Loss", "Moment", "Rates", "fit"]

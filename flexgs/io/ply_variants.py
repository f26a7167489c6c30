# SPDX-License-Identifier: Apache-2.0
"""The dialects of 3DGS .ply files: 2DGS, Mip-Splatting, and how they say what they are."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from flexgs.core.splats import MODELS, Model
from flexgs.limits import MIN_LOG_SCALE

F32 = npt.NDArray[np.float32]

FLAT_LOG_RATIO = float(np.log(1e-6))  # a surfel's thickness relative to its smaller axis
_MODE = re.compile(r"splatrendermode:\s*(\w+)", re.IGNORECASE)
_ANTIALIASED = re.compile(r"antialiased\s*:?\s*([01])", re.IGNORECASE)


def model_from_comments(comments: tuple[str, ...]) -> Model:
    """What the comments say about rendering; the last word wins.

    >>> model_from_comments(("SplatRenderMode: mip", "made by hand"))
    'mip'
    """
    model: Model = "3dgs"
    for comment in comments:
        text = comment.strip()
        if mode := _MODE.fullmatch(text):
            word = mode[1].lower()
            model = next((known for known in MODELS if known == word), "3dgs")
        elif flag := _ANTIALIASED.fullmatch(text):
            model = "mip" if flag[1] == "1" else "3dgs"
    return model


def comments_of_model(model: Model) -> list[str]:
    """The comments that `model_from_comments` reads back."""
    return [] if model == "3dgs" else [f"SplatRenderMode: {model}"]


def add_flat_scale(log_scales: F32) -> F32:  # (n, 2) -> (n, 3)
    """A third, negligible axis for the surfels of 2DGS."""
    thin = np.maximum(log_scales.min(axis=1) + np.float32(FLAT_LOG_RATIO), MIN_LOG_SCALE)
    return np.column_stack([log_scales, thin]).astype(np.float32)


def fuse_filter(
    log_scales: F32,  # (n, 3)
    opacity_logits: F32,  # (n,)
    filter_3d: F32,  # (n,) standard deviation, scene units
) -> tuple[F32, F32]:
    """Log scales and logits with Mip-Splatting's 3D smoothing filter folded in.

    scale' = sqrt(scale^2 + f^2); alpha' = alpha sqrt(prod scale^2 / prod scale'^2).

    Source: Yu et al., "Mip-Splatting", 2024, equation 9.
    """
    logs = log_scales.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        fused = np.logaddexp(2 * logs, 2 * np.log(filter_3d.astype(np.float64))[:, None]) / 2
        # log alpha' stays exact where alpha is near 0 or 1
        log_alpha = -np.logaddexp(0, -opacity_logits.astype(np.float64)) + (logs - fused).sum(
            axis=1
        )
        logits = log_alpha - np.log(-np.expm1(log_alpha))
    return fused.astype(np.float32), logits.astype(np.float32)

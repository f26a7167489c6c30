# SPDX-License-Identifier: Apache-2.0
"""Gradients turned into every Gaussian's own frame, as `Renderer.blocks` counts its parameters."""

from __future__ import annotations

import numpy as np

from flexgs.core import Splats
from flexgs.core.rotations import quats_to_matrices
from flexgs.render.protocol import F32, Parameters

OWN = 10  # means along the own axes 3, log_scales 3, rotation about the own axes 3, opacity logit 1


def own_frame(splats: Splats, gradient: Parameters) -> F32:  # (n, 10)
    """One row a Gaussian; SH is left out.

    A small rotation omega about the own axes changes the quaternion by q (0, omega / 2).
    """
    axes = quats_to_matrices(splats.quats)
    w, x, y, z = splats.quats.T
    gw, gx, gy, gz = gradient.quats.T
    turn = (
        -x * gw + w * gx + z * gy - y * gz,
        -y * gw - z * gx + w * gy + x * gz,
        -z * gw + y * gx - x * gy + w * gz,
    )
    columns = [
        np.einsum("nwk,nw->nk", axes, gradient.means),
        gradient.log_scales,
        0.5 * np.stack(turn, axis=1),
        gradient.opacity_logits[:, None],
    ]
    return np.concatenate(columns, axis=1).astype(np.float32, copy=False)

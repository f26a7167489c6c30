# SPDX-License-Identifier: Apache-2.0
"""Several sets of Gaussians as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flexgs.core.splats import F32, Model, Splats
from flexgs.errors import SceneError


def join_splats(parts: Sequence[Splats], model: Model | None = None) -> Splats:
    """All Gaussians of `parts` in their order; lower SH degrees are filled up with zeros.

    Args:
        parts: at least one, all of the same number of dimensions.
        model: of the whole; None: that of the parts, which must then be one and the same.

    Raises:
        SceneError: no parts, or some that are no one scene.

    >>> zeros = np.zeros((1, 3))
    >>> flat = Splats(zeros, zeros, np.ones((1, 4)), np.zeros(1), np.zeros((1, 1, 3)))
    >>> shiny = replace(flat, sh=np.ones((1, 4, 3)))
    >>> join_splats([flat, shiny]).sh[:, 3, 0].tolist()
    [0.0, 1.0]
    """
    models = sorted({part.model for part in parts})
    dimensions = sorted({part.d for part in parts})
    if len(dimensions) != 1 or (model is None and len(models) != 1):
        raise SceneError(
            "these are no parts of one scene",
            expected="one model and one number of dimensions",
            found=f"{' and '.join(models)}; {' and '.join(f'{d}-D' for d in dimensions)}",
        )
    if len(parts) == 1:
        return replace(parts[0], model=model or parts[0].model)

    def whole(name: str) -> F32:
        return np.concatenate([getattr(part, name) for part in parts])

    sh = np.zeros(
        (sum(part.n for part in parts), max(part.sh.shape[1] for part in parts), 3), np.float32
    )
    start = 0
    for part in parts:
        sh[start : start + part.n, : part.sh.shape[1]] = part.sh
        start += part.n
    return Splats(
        whole("means"),
        whole("log_scales"),
        whole("quats"),
        whole("opacity_logits"),
        sh,
        model or parts[0].model,
    )

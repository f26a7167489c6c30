# SPDX-License-Identifier: Apache-2.0
"""A small scene with view-dependent colours."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Splats


@pytest.fixture
def splats() -> Splats:
    rng = np.random.default_rng(3)
    n = 200
    sh = 0.2 * rng.normal(size=(n, 16, 3))
    sh[:, 0] = rng.normal(0.3, 0.8, size=(n, 3))
    return Splats(
        rng.normal(0, 0.8, size=(n, 3)),
        rng.uniform(-2.6, -1.2, size=(n, 3)),
        rng.normal(size=(n, 4)),
        rng.uniform(-2, 2.5, size=n),
        sh,
    )

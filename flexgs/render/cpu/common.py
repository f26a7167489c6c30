# SPDX-License-Identifier: Apache-2.0
"""Constants of gsplat's rendering semantics and the compile options that all kernels share."""

from __future__ import annotations

from typing import Any

import numpy as np

from flexgs.compiling import CACHE

TILE = 16  # pixels a side; a row of a tile is one vector of 16 lanes
AREA = TILE * TILE
NEAR = 0.01  # near plane, scene units
BLUR = 0.3  # px^2 added to the diagonal of the 2-D covariance
FRUSTUM_MARGIN = 0.3  # x/z is clamped to 1.3x the half field of view when J is formed

F0 = np.float32(0.0)
F1 = np.float32(1.0)
ALPHA_MIN = np.float32(1.0 / 255.0)
ALPHA_MAX = np.float32(0.999)
T_MIN = np.float32(1e-4)
ELLIPSE_SLACK = 1e-3  # on 2 ln(255 o), so that rounding never culls a pixel above 1/255

# exp(-x) on [0, 0.75] as a polynomial of degree 6 (Chebyshev interpolation, error 4e-9);
# exp(-s) = poly(s / 8)^8 for s up to 6. Beyond 5.55 alpha is under 1/255 whatever the opacity.
SIGMA_MAX = np.float32(6.0)
EIGHTH = np.float32(0.125)
_NODES = 0.375 + 0.375 * np.cos(np.pi * (np.arange(7) + 0.5) / 7)
_COEFFICIENTS = np.linalg.solve(np.vander(_NODES, 7, increasing=True), np.exp(-_NODES))
E0, E1, E2, E3, E4, E5, E6 = (np.float32(c) for c in _COEFFICIENTS)

# Columns of the records of projected Gaussians (float32). A Gaussian is visible where
# a dx^2 + 2 b dx dy + c dy^2 is under LEVEL; at height dy its edges are
# -SLOPE dy +- sqrt((LEVEL - CURVE dy^2) INV_A); the right one is rightmost at dy = Y_EDGE.
MX, MY, HALF_A, B, HALF_C, OPACITY, LEVEL, RED, GREEN, BLUE = range(10)
SLOPE, CURVE, INV_A, Y_EDGE, HALF_HEIGHT, RECORD = 10, 11, 12, 13, 14, 16

# error_model="numpy": the default puts a branch at every division, which blocks vectorisation.
# reassoc lets row sums vectorise; the order of additions is still fixed by the compiled code, so
# results do not depend on the number of threads.
FAST = {"contract", "reassoc", "nsz"}
KERNEL: dict[str, Any] = {"cache": CACHE, "error_model": "numpy", "fastmath": FAST}
PARALLEL: dict[str, Any] = {**KERNEL, "parallel": True}
EXACT: dict[str, Any] = {"cache": CACHE, "error_model": "numpy"}
EXACT_PARALLEL: dict[str, Any] = {**EXACT, "parallel": True}

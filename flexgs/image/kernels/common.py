# SPDX-License-Identifier: Apache-2.0
"""What all kernels of images share: the tile, the Gaussian's cut-off, the compile options."""

from __future__ import annotations

from typing import Any

import numpy as np

from flexgs.compiling import CACHE

TILE = 16  # pixels a side
AREA = TILE * TILE

F0 = np.float32(0.0)
F1 = np.float32(1.0)

# A Gaussian's weight is max(0, exp(-s) - FLOOR), s = half the squared Mahalanobis distance: it
# reaches 0 at s = CUT without a step, so no edge shows where a wide Gaussian is cut off.
CUT = np.float32(4.5)  # 3 standard deviations

# exp(-x) on [0, CUT / 8] as a polynomial of degree 4; exp(-s) = poly(s / 8)^8.
EIGHTH = np.float32(0.125)
_HALF = float(CUT) / 16
_NODES = _HALF + _HALF * np.cos(np.pi * (np.arange(5) + 0.5) / 5)
_COEFFICIENTS = np.linalg.solve(np.vander(_NODES, 5, increasing=True), np.exp(-_NODES))
E0, E1, E2, E3, E4 = (np.float32(c) for c in _COEFFICIENTS)
FLOOR = np.float32(np.exp(-float(CUT)) * (1 + 1e-4))  # above the polynomial's value at CUT

ALPHA_MAX = np.float32(0.999)

# Tile-local coordinates of a tile's pixels, row after row.
TILE_X = np.tile(np.arange(TILE, dtype=np.float32), TILE)
TILE_Y = np.repeat(np.arange(TILE, dtype=np.float32), TILE)

# Columns of the records (float32). With d = pixel centre - (MX, MY): z1 = P dx, z2 = Q dx + R dy,
# s = z1^2 + z2^2. The ellipse s = CUT: at height dy between SLOPE_X dy +- sqrt((CUT - CURVE_Y dy^2)
# INV_X), rightmost at dy = EDGE_Y; the other way round with SLOPE_Y, CURVE_X, INV_Y, EDGE_X.
MX, MY, P, Q, R, HALF_WIDTH, HALF_HEIGHT = range(7)
SLOPE_X, CURVE_Y, INV_X, EDGE_Y, SLOPE_Y, CURVE_X, INV_Y, EDGE_X = range(7, 15)
OPACITY, RECORD = 15, 16

# The same options as the renderer of scenes, for the same reasons: no exit at a division, row sums
# that vectorise, an order of additions that the compiled code fixes.
FAST = {"contract", "reassoc", "nsz"}
KERNEL: dict[str, Any] = {"cache": CACHE, "error_model": "numpy", "fastmath": FAST, "nogil": True}
PARALLEL: dict[str, Any] = {**KERNEL, "parallel": True}

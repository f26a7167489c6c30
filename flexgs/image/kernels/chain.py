# SPDX-License-Identifier: Apache-2.0
"""From the partial sums of pairs to gradients of Gaussians.

With s = z.z, z = sqrt(1/2) L^-1 d and D = dL/dw exp(-s) the kernels sum D z and D z z^T; then
dL/dmean = sqrt(2) L^-T sum(D z) and dL/dL = 2 L^-T sum(D z z^T), lower triangle.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from flexgs.image.kernels.common import PARALLEL

TWO, ROOT2 = np.float32(2.0), np.float32(math.sqrt(2.0))


@nb.njit(**PARALLEL)
def sum_pairs(pairs, offsets):  # type: ignore[no-untyped-def]
    """Sums (n, columns) f32 over each Gaussian's pairs, in the order of its slots."""
    n, columns = len(offsets) - 1, pairs.shape[1]
    sums = np.zeros((n, columns), np.float32)
    for g in nb.prange(n):
        for slot in range(offsets[g], offsets[g + 1]):
            for column in range(columns):
                sums[g, column] += pairs[slot, column]
    return sums


@nb.njit(**PARALLEL)
def shape_gradients(sums, cholesky):  # type: ignore[no-untyped-def]
    """dL/dmeans (n, 2) and dL/dcholesky (n, 3) from the first five columns of the sums."""
    n = len(cholesky)
    means, shapes = np.empty((n, 2), np.float32), np.empty((n, 3), np.float32)
    for g in nb.prange(n):
        i11, i22 = np.float32(1.0) / cholesky[g, 0], np.float32(1.0) / cholesky[g, 2]
        i21 = -cholesky[g, 1] * i11 * i22  # L^-1 = [[i11, 0], [i21, i22]]
        m1, m2, m11 = sums[g, 0], sums[g, 1], sums[g, 2]
        m12, m22 = sums[g, 3], sums[g, 4]
        means[g, 0] = ROOT2 * (i11 * m1 + i21 * m2)
        means[g, 1] = ROOT2 * i22 * m2
        shapes[g, 0] = TWO * (i11 * m11 + i21 * m12)
        shapes[g, 1] = TWO * i22 * m12
        shapes[g, 2] = TWO * i22 * m22
    return means, shapes

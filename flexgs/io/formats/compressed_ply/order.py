# SPDX-License-Identifier: Apache-2.0
"""Which Gaussians share a chunk: the smaller its box, the finer the steps within it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


def chunk_order(means: F32, chunk: int, weights: F32) -> I64:  # (n, 3), (3,) -> (n,)
    """Rows, chunk by chunk: space is halved across the longest side until a chunk is left.

    All chunks but the last are full. Sides count times `weights`: the coarser the steps of an axis,
    the more.

    >>> points = np.float32([[0, 0, 0], [9, 0, 0], [0, 1, 0], [9, 1, 0]])
    >>> chunk_order(points, 2, np.ones(3, np.float32)).tolist()
    [0, 2, 1, 3]
    """
    order = np.arange(len(means))
    columns = [means[:, axis].copy() for axis in range(3)]  # in the order reached so far
    pending = [(0, len(means))]
    while pending:
        start, end = pending.pop()
        chunks = -(-(end - start) // chunk)
        if chunks <= 1:
            order[start:end].sort()
            continue
        parts = [column[start:end] for column in columns]
        sides = [part.max() - part.min() for part in parts] * weights
        half = (chunks + 1) // 2 * chunk
        rank = np.argpartition(parts[int(np.argmax(sides))], half)
        order[start:end] = order[start:end][rank]
        for part in parts:
            part[:] = part[rank]
        pending += [(start, start + half), (start + half, end)]
    return order

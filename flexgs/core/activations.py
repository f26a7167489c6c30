# SPDX-License-Identifier: Apache-2.0
"""sigmoid and its inverse, once for all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.floating]


def sigmoid(logits: Float) -> Float:  # any shape
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small)).astype(logits.dtype)


def logit(values: Float) -> Float:  # any shape, in (0, 1)
    """log(p / (1 - p)), the inverse of `sigmoid`."""
    return np.asarray(np.log(values) - np.log1p(-values))

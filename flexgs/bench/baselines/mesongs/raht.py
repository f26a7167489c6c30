# SPDX-License-Identifier: Apache-2.0
"""RAHT, the region-adaptive hierarchical transform: Haar's over an octree, weighted by leaves.

Source: de Queiroz and Chou, "Compression of 3D point clouds using a region-adaptive hierarchical
transform", IEEE TIP 2016. Two neighbours a, b with weights u, v become
    low  = (sqrt(u) a + sqrt(v) b) / sqrt(u + v), which goes on with weight u + v,
    high = (sqrt(u) b - sqrt(v) a) / sqrt(u + v),
along one axis after the other, from the leaves to the root. The whole is orthonormal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Level:
    """Pairs that become one: rows of left and right, and the cosine and sine that turn them."""

    left: I64  # (p,) the low goes on here
    right: I64  # (p,) the high stays here
    cos: F64  # (p, 1) sqrt(u / (u + v))
    sin: F64  # (p, 1) sqrt(v / (u + v))


def plan_levels(codes: U64, depth: int) -> list[Level]:  # (n,) ascending Morton codes, each once
    """The pairs of every step, from the leaves to the root; every leaf weighs 1."""
    rows, weights = np.arange(len(codes)), np.ones(len(codes))
    levels = []
    for _ in range(3 * depth):
        codes = codes >> np.uint64(1)
        first = np.flatnonzero(codes[1:] == codes[:-1])  # pairs cannot overlap: codes are unique
        if len(first) == 0:
            continue
        total = weights[first] + weights[first + 1]
        cos, sin = np.sqrt(weights[first] / total), np.sqrt(weights[first + 1] / total)
        levels.append(Level(rows[first], rows[first + 1], cos[:, None], sin[:, None]))
        weights[first] = total
        keep = np.ones(len(codes), bool)
        keep[first + 1] = False
        codes, rows, weights = codes[keep], rows[keep], weights[keep]
    return levels


def transform(values: F64, levels: list[Level]) -> F64:  # (n, c) -> (n, c)
    """Coefficients: the root's in row 0, the highs from the root's level to the leaves' behind."""
    out = values.astype(np.float64)
    for level in levels:
        a, b = out[level.left], out[level.right]
        out[level.left] = level.cos * a + level.sin * b
        out[level.right] = level.cos * b - level.sin * a
    return out[_order(levels)]


def inverse(coefficients: F64, levels: list[Level]) -> F64:  # (n, c) -> (n, c)
    """The inverse of `transform`."""
    out = np.empty(coefficients.shape)
    out[_order(levels)] = coefficients
    for level in reversed(levels):
        low, high = out[level.left], out[level.right]
        out[level.left] = level.cos * low - level.sin * high
        out[level.right] = level.sin * low + level.cos * high
    return out


def _order(levels: list[Level]) -> I64:  # (n,) rows of the coefficients in the order of the file
    return np.concatenate([np.zeros(1, np.int64), *(level.right for level in reversed(levels))])

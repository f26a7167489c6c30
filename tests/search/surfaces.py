# SPDX-License-Identifier: Apache-2.0
"""Analytic stand-ins for a scene: drop in dB and bytes over (pruning rate, SH rate)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.search import Setting

F64 = npt.NDArray[np.float64]
GAUSSIANS = 280_000


@dataclass(frozen=True)
class Surface:
    """Two vectorised functions of the rates, and scalar ones for the search."""

    name: str
    drops: Callable[[F64, F64], F64]
    sizes: Callable[[F64, F64], F64]

    def distortion(self, setting: Setting) -> float:
        return float(self.drops(np.array(setting.pruning_rate), np.array(setting.sh_rate)))

    def size(self, setting: Setting) -> int:
        return round(float(self.sizes(np.array(setting.pruning_rate), np.array(setting.sh_rate))))


def _db(error: F64) -> F64:
    return np.asarray(10 * np.log10(1 + error))


def _bytes(base: float, rest: float) -> Callable[[F64, F64], F64]:
    return lambda p, s: GAUSSIANS * (1 - p) * (base + rest * (1 - s))


def _rippled(drop: float, size: float) -> tuple[Callable[..., F64], Callable[..., F64]]:
    def drops(p: F64, s: F64) -> F64:
        smooth = _db(np.exp(-8.1 + 11 * p) + 0.03 + 0.2 * s**2)
        return np.asarray(smooth * (1 + drop * np.sin(61 * p + 3) * np.sin(37 * s + 1)))

    def sizes(p: F64, s: F64) -> F64:
        return np.asarray(_bytes(20, 20)(p, s) * (1 + size * np.sin(91 * p + 23 * s)))

    return drops, sizes


SMOOTH = (
    Surface(
        "power law",
        lambda p, s: 0.35 * (p / (1 - p)) ** 2.2 + 0.5 * s**3 + 0.05,
        _bytes(28, 22),
    ),
    Surface(
        "bonsai-like",
        lambda p, s: _db(np.exp(-9 + 12.5 * p) + 0.02 + 0.12 * s**2 * (1 - p)),
        _bytes(9, 14),
    ),
    Surface(
        "cheap SH",
        lambda p, s: _db(np.exp(-8.1 + 11 * p) + 0.01 + 0.02 * np.exp(2 * s)),
        _bytes(20, 30),
    ),
    Surface(
        "dear SH",
        lambda p, s: _db(np.exp(-8.1 + 10 * p) + 0.01 + 0.5 * s**1.2),
        _bytes(25, 10),
    ),
    Surface(
        "steep SH",
        lambda p, s: _db(np.exp(-7 + 9 * p) + 0.015 + np.exp(-6 + 6 * s)),
        lambda p, s: GAUSSIANS * (1 - p) ** 0.9 * (20 + 25 * (1 - s) ** 0.8),
    ),
    Surface(
        "linear",
        lambda p, s: 0.2 + 2.5 * p**2.2 + 1.2 * s**1.5 * (1 - 0.3 * p),
        _bytes(15, 12),
    ),
)
ROUGH = (Surface("rippled", *_rippled(0.03, 0.004)), Surface("very rippled", *_rippled(0.08, 0.01)))

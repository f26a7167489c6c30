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

# Measured on bonsai by benchmarks/search.py (9 search views): drops at an SH rate of 0.1 (below a
# pruning rate of 0.35 from the search's evaluations at other SH rates), what SH rates add to the
# squared error, bytes a survivor.
_PRUNING = (0.00, 0.07, 0.26, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.95)
_DROPS = (0.055, 0.060, 0.145, 0.171, 0.2295, 0.3521, 0.4711, 0.6802, 0.9421, 1.3767, 1.9657, 12.58)
_SH = (0.1, 0.25, 0.40, 0.55, 0.70, 0.85, 1.0)
_ADDED = (5e-4, 1.4e-3, 4.3e-3, 1.14e-2, 2.58e-2, 6.52e-2, 0.43)
_SURVIVOR = (25.60, 23.53, 21.33, 19.05, 16.70, 14.26, 11.69)


def _measured_drops(p: F64, s: F64) -> F64:
    errors = np.log(10 ** (np.array(_DROPS) / 10) - 1)
    return _db(np.exp(np.interp(p, _PRUNING, errors)) + np.exp(np.interp(s, _SH, np.log(_ADDED))))


MEASURED = Surface(
    "bonsai, measured",
    _measured_drops,
    lambda p, s: GAUSSIANS * (1 - p) * np.interp(s, _SH, _SURVIVOR),
)

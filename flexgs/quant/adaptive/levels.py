# SPDX-License-Identifier: Apache-2.0
"""Opacities and scales as integers: domains in which the Fisher information is flat.

Opacity is stored as x = alpha^(1/4): measured, F per logit falls like alpha^0.5 (1 - alpha)^2,
which makes F per x constant. A scale is stored as u = log2(sqrt(s^2 + floor^2)): an axis thinner
than the renderer's own blur is as good as any other such axis, and u sees them as equal.

Values are whole multiples of a step in 1/65536; what is derived from them comes from integers and
from tables that decimal arithmetic, correctly rounded, computes alike on every machine.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt
from flexgs.limits import MAX_LOG_SCALE, MIN_LOG_SCALE
from flexgs.quant.adaptive.features import CLEARNESS_FLOOR, STEP_MANTISSAS, log2_octaves

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

ONE_BITS = 16
ONE = 1 << ONE_BITS  # fixed-point one of values and steps
TO_OCTAVES = ONE_BITS - 4  # shift from fixed point to sixteenths
FINEST_CLASS, COARSEST_CLASS = -12 * 16, 6 * 16  # steps of columns: 2^-12 ... 2^6
SYMBOL_LIMIT = 1 << 18  # of indices: index * step stays far within int64

OPACITY_BITS = 12  # resolution of x
_OPACITY_LEVELS = 1 << OPACITY_BITS
_LEAST_ALPHA, _MOST_ALPHA = 1e-5, 0.9999
_THIN = 8 * 16  # u - floor beyond which u and log2 s agree to 2^-17
_FIXED_MANTISSAS = np.rint(STEP_MANTISSAS.astype(np.float64) * (1 << 20)).astype(np.int64)


def _steps() -> I64:
    """Steps of all classes from the finest on, in 1/65536."""
    classes = np.arange(FINEST_CLASS, COARSEST_CLASS + 1, dtype=np.int64)
    shift = 4 - (classes >> 4) + 6  # mantissas have 20 bits; 6 spare ones for the coarsest steps
    return np.asarray(((_FIXED_MANTISSAS[classes & 15] << 6) + (1 << (shift - 1))) >> shift)


_STEPS = _steps()


def fixed_steps(classes: I32) -> I64:
    """Steps in 1/65536, at least 1.

    >>> fixed_steps(np.int32([0, -16, 8])).tolist()
    [65536, 32768, 92682]
    """
    return _STEPS[np.clip(classes, FINEST_CLASS, COARSEST_CLASS) - FINEST_CLASS]


def fixed_values(symbols: I32, steps: I64) -> I64:
    """index * step in 1/65536.

    Raises:
        Corrupt: an index is beyond all sense.
    """
    largest = int(np.abs(symbols.astype(np.int64)).max(initial=0))
    if largest > SYMBOL_LIMIT:
        raise Corrupt("a symbol is out of range", expected=f"at most {SYMBOL_LIMIT}", found=largest)
    return symbols.astype(np.int64) * steps


@cache
def _opacity_tables() -> tuple[F32, I32, I32]:
    """By level of x, 0..4096: logit; log2 alpha and log2(1 - alpha) in sixteenths."""
    logits = np.empty(_OPACITY_LEVELS + 1, np.float32)
    with localcontext() as context:
        context.prec = 28
        for level in range(_OPACITY_LEVELS + 1):
            alpha = (Decimal(level) / _OPACITY_LEVELS) ** 4
            alpha = min(max(alpha, Decimal(repr(_LEAST_ALPHA))), Decimal(repr(_MOST_ALPHA)))
            logits[level] = float((alpha / (1 - alpha)).ln())
    fourth = np.arange(_OPACITY_LEVELS + 1, dtype=np.int64) ** 4  # alpha in 1/2^48
    one = 1 << (4 * OPACITY_BITS)
    alphas = log2_octaves(np.maximum(fourth, one >> 16), one)
    clearness = np.maximum(log2_octaves(np.maximum(one - fourth, 1), one), CLEARNESS_FLOOR)
    return logits, alphas, clearness


def _levels(fixed: I64) -> I64:
    shift = ONE_BITS - OPACITY_BITS
    rounded = (fixed + (1 << (shift - 1))) >> shift
    return np.asarray(np.clip(rounded, 0, _OPACITY_LEVELS), dtype=np.int64)


def opacity_logits(fixed: I64) -> F32:  # x in 1/65536
    """Logits of decoded opacities."""
    return _opacity_tables()[0][_levels(fixed)]


def opacity_features(fixed: I64) -> tuple[I32, I32]:
    """log2 alpha and log2(1 - alpha) in sixteenths."""
    _, alphas, clearness = _opacity_tables()
    levels = _levels(fixed)
    return alphas[levels], clearness[levels]


def opacity_targets(logits: F32) -> tuple[F64, F64]:
    """x = alpha^(1/4), and d logit / d x there."""
    alpha = 1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -15.0, 15.0)))
    root = alpha**0.25
    return root, 4.0 / (root * np.maximum(1.0 - alpha, 1e-3))


def opacity_errors(decoded: F32, wanted: F64) -> F64:  # logits, x
    """Errors of alpha, in which images are linear, in units of x where it was wanted."""
    alpha = 1.0 / (1.0 + np.exp(-decoded.astype(np.float64)))
    return np.asarray((alpha - wanted**4) / (4.0 * wanted**3), dtype=np.float64)


@cache
def _thin_table() -> I32:
    """g(t) = t + log2(1 - 4^-t) / 2 in 1/65536, for t = 1/16, 2/16 ... 8: log2 s - floor of u."""
    table = np.zeros(_THIN + 1, np.int32)
    with localcontext() as context:
        context.prec = 28
        log2 = Decimal(2).ln()
        for index in range(1, _THIN + 1):
            t = Decimal(index) / 16
            rest = (1 - Decimal(4) ** -t).ln() / log2
            table[index] = int(((t + rest / 2) * ONE).to_integral_value())
    table[0] = table[1]
    return table


def thick_scales(fixed: I64, floor: int) -> I64:  # u in 1/65536, floor in sixteenths
    """log2 of the standard deviation in 1/65536: what u stands for, nothing thinner than a bound.

    >>> thick_scales(np.array([0, -99 * ONE]), -8 * 16).tolist()
    [0, -637856]
    """
    above = fixed - floor * (ONE >> 4)
    table = _thin_table().astype(np.int64)
    place = np.clip(above, 0, _THIN * (ONE >> 4) - 1)
    index, part = place >> TO_OCTAVES, place & ((1 << TO_OCTAVES) - 1)
    thin = table[index] + (((table[index + 1] - table[index]) * part) >> TO_OCTAVES)
    thick = np.where(above >= _THIN * (ONE >> 4), above, thin)
    return np.asarray(thick + floor * (ONE >> 4))


def log_scales(fixed: I64, floor: int) -> F32:  # u in 1/65536
    """Natural logarithms of the standard deviations, one product each."""
    octaves = thick_scales(fixed, floor).astype(np.float64) * (1.0 / ONE)
    natural = np.clip(octaves * 0.6931471805599453, MIN_LOG_SCALE, MAX_LOG_SCALE)
    return np.asarray(natural, dtype=np.float32)


def blurred_scales(octaves: F64, bends: F64) -> F64:  # u, (4^floor, 4^blur)
    """log2(s^2 + blur^2) / 2 of u: what an image is close to linear in."""
    squares = np.maximum(np.exp2(2.0 * octaves) - bends[0], 0.0)
    return np.asarray(0.5 * np.log2(squares + bends[1]), dtype=np.float64)


def blurred_slopes(octaves: F64, bends: F64) -> F64:
    """d blurred_scales / d u, at least 1e-6."""
    squares = np.exp2(2.0 * octaves)
    blurred = np.maximum(squares - bends[0], 0.0) + bends[1]
    return np.asarray(np.maximum(squares / blurred, 1e-6), dtype=np.float64)


def scale_targets(log_scales: F32, floor: int) -> tuple[F64, F64]:  # (n, 3) natural
    """u in octaves, and d log_scale / d u there (natural per octave)."""
    octaves = log_scales.astype(np.float64) / np.log(2.0)
    u = floor / 16 + 0.5 * np.log2(1.0 + np.exp2(2.0 * (octaves - floor / 16)))
    share = np.exp2(np.clip(2.0 * (u - octaves), 0.0, 12.0))
    return u, np.log(2.0) * share

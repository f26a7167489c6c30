# SPDX-License-Identifier: Apache-2.0
"""Step sizes that the decoder works out itself: features of a Gaussian -> log2 of its step.

A parameter with Fisher information F wants the step D = sqrt(6 lambda / (ln 2 F)): F falls with
distance, rises with opacity, and depends on the three scales as a product of powers. So log2 F is
close to linear in the logarithms of what the decoder already knows, and a handful of integer
coefficients in the file replaces a step per Gaussian.

Everything a decoder does here is integer arithmetic in sixteenths of an octave (log2 units), so
that every machine finds the same steps. Only `fit_steps` (encoder) uses floating point.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

OCTAVE = 16  # units of features and of step classes in one factor of 2
FEATURES = ("distance", "alpha", "clearness", "scale_1", "scale_2", "scale_3")
FEATURE_LIMIT = 1 << 12  # features are clamped to +-256 octaves
COEFFICIENT_ONE = 256  # coefficients are in 1/256
COEFFICIENT_LIMIT = 1 << 15  # they are stored as int16
STEP_CLASS_LIMIT = 60 * OCTAVE  # steps from 2^-60 to 2^60
CLEARNESS_FLOOR = -10 * OCTAVE  # log2(1 - alpha) of an opaque Gaussian

_FRACTION_BITS = 20
_RIDGE = 1e-3
_NEWTON_STEPS = 25


def log2_octaves(values: I64, one: int = 1) -> I32:
    """Nearest sixteenths of log2(values / one), by integers only; values < one / 2^40 count as it.

    >>> log2_octaves(np.array([1, 2, 3, 1 << 30])).tolist()
    [0, 16, 25, 480]
    """
    clipped = np.clip(values, 1, (1 << 62) - 1).astype(np.int64)
    exponent = np.zeros(clipped.shape, np.int64)
    rest = clipped.copy()
    for shift in (32, 16, 8, 4, 2, 1):
        large = rest >= (1 << shift)
        rest[large] >>= shift
        exponent[large] += shift
    # Mantissa in [1, 2) with 30 bits; each squaring yields one more bit of the logarithm.
    mantissa = np.where(
        exponent > 30,
        clipped >> np.maximum(exponent - 30, 0),
        clipped << np.maximum(30 - exponent, 0),
    )
    fraction = np.zeros(clipped.shape, np.int64)
    for _ in range(_FRACTION_BITS):
        mantissa = (mantissa * mantissa) >> 30
        over = mantissa >= (2 << 30)
        mantissa[over] >>= 1
        fraction = fraction * 2 + over
    fixed = (exponent << _FRACTION_BITS) + fraction
    if one != 1:
        fixed -= int(log2_fixed_point(one))
    half = 1 << (_FRACTION_BITS - 5)
    return np.asarray((fixed + half) >> (_FRACTION_BITS - 4), dtype=np.int32)


def log2_fixed_point(value: int) -> int:
    """floor(2^20 log2(value)) of one integer >= 1."""
    exponent = value.bit_length() - 1
    mantissa, fraction = (value << 60) >> exponent, 0
    for _ in range(_FRACTION_BITS):
        mantissa = (mantissa * mantissa) >> 60
        over = mantissa >> 61
        mantissa >>= over
        fraction = fraction * 2 + over
    return (exponent << _FRACTION_BITS) + fraction


def stack_features(
    distance: I32,  # (n,) sixteenths: contracted distance from the frame's centre, 16 a radius
    alpha: I32,  # (n,) sixteenths of log2 alpha, <= 0
    clearness: I32,  # (n,) sixteenths of log2(1 - alpha), CLEARNESS_FLOOR ... 0
    scales: I32,  # (n, 3) sixteenths of log2 standard deviation, largest first
) -> I32:  # (n, 6)
    """The decoder's knowledge of each Gaussian, in the order of FEATURES.

    >>> one = np.int32([16])
    >>> stack_features(one, -one, -one, np.int32([[0, -16, -99999]])).tolist()
    [[16, -16, -16, 0, -16, -4096]]
    """
    columns = [distance[:, None], alpha[:, None], clearness[:, None], scales]
    stacked = np.concatenate(columns, axis=1)
    return np.asarray(np.clip(stacked, -FEATURE_LIMIT, FEATURE_LIMIT), dtype=np.int32)


def step_classes(
    features: I32,  # (n, f)
    coefficients: I32,  # (f + 1,) constant first; 1/256, the constant in sixteenths / 256 * 16
) -> I32:  # (n,)
    """log2 of the step in sixteenths: (16 c_0 + sum c_k feature_k) / 256, rounded.

    >>> step_classes(np.int32([[16, 0]]), np.int32([256, 128, 0])).tolist()
    [24]
    """
    # 6 features of 13 bits with signs times coefficients of 16: the sums fit int32
    total: I32 = np.einsum("ij,j->i", features, np.asarray(coefficients[1:], np.int32))
    total += 16 * int(coefficients[0]) + COEFFICIENT_ONE // 2
    total >>= 8
    np.minimum(total, STEP_CLASS_LIMIT, out=total)
    return np.maximum(total, -STEP_CLASS_LIMIT, out=total)


# 2^(i / 16) as float32, written out so that no machine has to compute a power.
STEP_MANTISSAS = np.array(
    [
        1.0,
        1.0442737340927124,
        1.0905077457427979,
        1.1387885808944702,
        1.1892070770263672,
        1.2418577671051025,
        1.296839594841003,
        1.3542555570602417,
        1.4142135381698608,
        1.4768261909484863,
        1.5422108173370361,
        1.6104903221130371,
        1.681792855262756,
        1.7562521696090698,
        1.8340080976486206,
        1.9152065515518188,
    ],
    dtype=np.float32,
)


def class_steps(classes: I32) -> F32:
    """Steps of classes: STEP_MANTISSAS[class mod 16] * 2^(class div 16), exact.

    >>> class_steps(np.int32([0, 16, -8])).tolist()
    [1.0, 2.0, 0.7071067690849304]
    """
    steps = np.ldexp(STEP_MANTISSAS[classes & 15], classes >> 4)
    return np.asarray(steps, dtype=np.float32)


def fit_steps(
    features: I32,  # (n, f)
    fisher: F64,  # (n,) >= 0, per squared unit of the parameter
    lam: float,  # squared error a bit
) -> I32:  # (f + 1,)
    """Coefficients of `step_classes` for one parameter.

    With p = log2 of the predicted F, the step D^2 = 6 lam / (ln 2 2^p) costs
    F D^2 / 12 + lam bits, bits = -log2 D + constant: per lam, 0.5 (F 2^-p / ln 2 + p) + constant.
    It is convex in the coefficients; Newton's method finds its minimum, pulled a little towards no
    dependence at all so that features without variance stay without effect.
    """
    design, centre = _centred(features)
    solution = _fit_log_fisher(design, fisher)
    solution[0] -= float((centre * solution).sum())
    step = -0.5 * solution
    step[0] += 0.5 * np.log2(6.0 * lam / np.log(2.0))
    fixed = np.rint(step * COEFFICIENT_ONE)
    return np.asarray(np.clip(fixed, 1 - COEFFICIENT_LIMIT, COEFFICIENT_LIMIT - 1), dtype=np.int32)


def fisher_misfit(features: I32, fisher: F64) -> float:
    """Bits a parameter that steps by the best prediction lose to steps by the true F."""
    design = _centred(features)[0]
    positive = np.maximum(fisher, 1e-30)
    solution = _fit_log_fisher(design, positive)
    none = np.zeros(design.shape[1])
    ideal = float(np.log2(positive).mean()) + 1.0 / np.log(2.0)
    return float(0.5 * (_deviance(design, positive, solution, none) - ideal))


def _centred(features: I32) -> tuple[F64, F64]:
    """Features in octaves behind a constant, less their means; the means."""
    design = np.concatenate(
        [np.ones((len(features), 1)), features.astype(np.float64) / OCTAVE], axis=1
    )
    centre = design.mean(axis=0) if len(design) else np.zeros(design.shape[1])
    centre[0] = 0.0
    return design - centre, centre


def fit_guesses(
    features: I32,  # (n, f)
    values: F64,  # (n,) in octaves, or any unit of which a sixteenth is fine enough
) -> I32:  # (f + 1,)
    """Coefficients with which `step_classes` gives values instead of steps: least squares."""
    design = np.concatenate(
        [np.ones((len(features), 1)), features.astype(np.float64) / OCTAVE], axis=1
    )
    normal = np.einsum("ni,nj->ij", design, design)
    right = np.einsum("ni,n->i", design, values)
    solution = np.linalg.solve(normal + _RIDGE * np.eye(len(normal)), right)
    fixed = np.rint(solution * COEFFICIENT_ONE)
    return np.asarray(np.clip(fixed, 1 - COEFFICIENT_LIMIT, COEFFICIENT_LIMIT - 1), dtype=np.int32)


def _fit_log_fisher(design: F64, fisher: F64) -> F64:  # (n, c), (n,) -> (c,)
    """argmin over b of mean(F 2^-Xb / ln 2 + Xb): a gamma regression with the logarithm as link."""
    size = design.shape[1]
    solution = np.zeros(size)
    level = float(fisher.mean()) if len(fisher) else 0.0
    solution[0] = np.log2(max(level, 1e-30))
    if level <= 0:
        return solution
    penalty = np.full(size, _RIDGE)
    penalty[0] = 0.0
    current = _deviance(design, fisher, solution, penalty)
    for _ in range(_NEWTON_STEPS):
        ratio = fisher * np.exp2(np.clip(-_product(design, solution), -200.0, 200.0))
        gradient = _product(design.T, 1.0 - ratio) / len(fisher) + penalty * solution
        weighted = design * ratio[:, None]
        curvature = np.einsum("ni,nj->ij", weighted, design) * (np.log(2.0) / len(fisher))
        move = np.linalg.solve(curvature + np.diag(penalty + 1e-9), gradient)
        length = 1.0
        while length > 1e-4:
            trial = solution - length * move
            value = _deviance(design, fisher, trial, penalty)
            if value < current:
                break
            length *= 0.5
        else:
            break
        gain, solution, current = current - value, trial, value
        if gain < 1e-9:
            break
    return solution


def _deviance(design: F64, fisher: F64, solution: F64, penalty: F64) -> float:
    logs = _product(design, solution)
    fit = fisher * np.exp2(np.clip(-logs, -200.0, 200.0)) / np.log(2.0) + logs
    return float(fit.mean() + 0.5 * (penalty * solution * solution).sum())


def _product(matrix: F64, vector: F64) -> F64:
    """Matrix times vector in a fixed order of sums, whatever the number of threads."""
    return np.asarray(np.einsum("ij,j->i", matrix, vector), dtype=np.float64)

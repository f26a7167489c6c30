# SPDX-License-Identifier: Apache-2.0
"""Second-pass kernels for one row of one tile: what one Gaussian does to 16 pixels.

With w = alpha T and S the light that arrives from behind the Gaussian (already attenuated by it),
removing it changes a pixel by -D, D = w c - alpha / (1 - alpha) S, and dI/dsigma = -D as long as
alpha is below its cap. S is the finished pixel minus everything up to and including the Gaussian,
so that one front-to-back walk is enough and nothing is divided by T.

Source: the removal error is that of GaussianPOP (2602.06830) and POTR (2601.14821); the moments of
the squared derivative are docs/design.md, "CPU renderer".
"""

from __future__ import annotations

import numba as nb
import numpy as np

from flexgs.render.cpu.blend import PLANE1, PLANE2, PLANE3, exp_neg
from flexgs.render.cpu.common import ALPHA_MAX, ALPHA_MIN, AREA, F0, F1, KERNEL, T_MIN, TILE

LANES = np.uint64(TILE)
PLANE4, PLANE5, PLANE6 = np.uint64(4 * AREA), np.uint64(5 * AREA), np.uint64(6 * AREA)


@nb.njit(inline="always", **KERNEL)
def _alpha(x, half_a, linear, constant, opacity):  # type: ignore[no-untyped-def]
    return opacity * exp_neg((half_a * x + linear) * x + constant)


@nb.njit(**KERNEL)
def removal_row(  # type: ignore[no-untyped-def]
    state, at, dx, half_a, linear, constant, opacity, red, green, blue
):
    """Sums of D^2, r D, w, w^2 and 1; planes T, S (3), residual r = image - target (3)."""
    error, cross, blend, square, hits = F0, F0, F0, F0, F0
    for lane in range(LANES):
        i = at + lane
        alpha = min(ALPHA_MAX, _alpha(dx + np.float32(lane), half_a, linear, constant, opacity))
        before = state[i]
        after = before * (F1 - alpha)
        seen = F1 if alpha >= ALPHA_MIN else F0
        live = F1 if after > T_MIN else F0
        on = seen * live
        weight = alpha * before * on
        state[i] = before + seen * (after * live - before)
        behind = on * alpha / (F1 - alpha)
        s = state[i + PLANE1] - weight * red
        state[i + PLANE1] = s
        d = weight * red - behind * s
        q = d * d
        c = d * state[i + PLANE4]
        s = state[i + PLANE2] - weight * green
        state[i + PLANE2] = s
        d = weight * green - behind * s
        q += d * d
        c += d * state[i + PLANE5]
        s = state[i + PLANE3] - weight * blue
        state[i + PLANE3] = s
        d = weight * blue - behind * s
        q += d * d
        c += d * state[i + PLANE6]
        error += q
        cross += c
        blend += weight
        square += weight * weight
        hits += on
    return error, cross, blend, square, hits


@nb.njit(**KERNEL)
def gradient_row(  # type: ignore[no-untyped-def]
    state, at, dx, half_a, linear, constant, opacity, red, green, blue
):
    """Sums of D.v x^k (k = 0, 1, 2) and of w v; planes T, S.v, v (3): v weighs the pixels."""
    d0, d1, d2, c0, c1, c2 = F0, F0, F0, F0, F0, F0
    for lane in range(LANES):
        i = at + lane
        x = dx + np.float32(lane)
        raw = _alpha(x, half_a, linear, constant, opacity)
        alpha = min(ALPHA_MAX, raw)
        before = state[i]
        after = before * (F1 - alpha)
        seen = F1 if alpha >= ALPHA_MIN else F0
        live = F1 if after > T_MIN else F0
        uncapped = F1 if raw <= ALPHA_MAX else F0
        on = seen * live
        weight = alpha * before * on
        state[i] = before + seen * (after * live - before)
        v0, v1, v2 = state[i + PLANE2], state[i + PLANE3], state[i + PLANE4]
        own = weight * (red * v0 + green * v1 + blue * v2)
        s = state[i + PLANE1] - own
        state[i + PLANE1] = s
        d = uncapped * (own - on * alpha / (F1 - alpha) * s)
        d0 += d
        d1 += d * x
        d2 += d * x * x
        c0 += weight * v0
        c1 += weight * v1
        c2 += weight * v2
    return d0, d1, d2, c0, c1, c2


@nb.njit(**KERNEL)
def fisher_row(  # type: ignore[no-untyped-def]
    state, at, dx, half_a, linear, constant, opacity, red, green, blue
):
    """Sums of Q x^k (k = 0..4; Q = |D|^2), w^2, and per channel w D x^k (k = 0, 1, 2)."""
    q0, q1, q2, q3, q4, square = F0, F0, F0, F0, F0, F0
    r0, r1, r2, g0, g1, g2, b0, b1, b2 = F0, F0, F0, F0, F0, F0, F0, F0, F0
    for lane in range(LANES):
        i = at + lane
        x = dx + np.float32(lane)
        raw = _alpha(x, half_a, linear, constant, opacity)
        alpha = min(ALPHA_MAX, raw)
        before = state[i]
        after = before * (F1 - alpha)
        seen = F1 if alpha >= ALPHA_MIN else F0
        live = F1 if after > T_MIN else F0
        uncapped = F1 if raw <= ALPHA_MAX else F0
        on = seen * live
        weight = alpha * before * on
        state[i] = before + seen * (after * live - before)
        behind = on * alpha / (F1 - alpha)
        s = state[i + PLANE1] - weight * red
        state[i + PLANE1] = s
        d_red = uncapped * (weight * red - behind * s)
        s = state[i + PLANE2] - weight * green
        state[i + PLANE2] = s
        d_green = uncapped * (weight * green - behind * s)
        s = state[i + PLANE3] - weight * blue
        state[i + PLANE3] = s
        d_blue = uncapped * (weight * blue - behind * s)
        q = d_red * d_red + d_green * d_green + d_blue * d_blue
        x2 = x * x
        q0 += q
        q1 += q * x
        q2 += q * x2
        q3 += q * x2 * x
        q4 += q * x2 * x2
        square += weight * weight
        d_red *= weight
        d_green *= weight
        d_blue *= weight
        r0 += d_red
        r1 += d_red * x
        r2 += d_red * x2
        g0 += d_green
        g1 += d_green * x
        g2 += d_green * x2
        b0 += d_blue
        b1 += d_blue * x
        b2 += d_blue * x2
    return q0, q1, q2, q3, q4, square, r0, r1, r2, g0, g1, g2, b0, b1, b2


@nb.njit(**KERNEL)
def misfit_row(  # type: ignore[no-untyped-def]
    state, at, dx, half_a, linear, constant, opacity, red, green, blue
):
    """Sums of D.v x^k (k = 0, 1, 2), of w v, and of |D|^2; planes T, S (3), v = misfit (3)."""
    d0, d1, d2, c0, c1, c2, error = F0, F0, F0, F0, F0, F0, F0
    for lane in range(LANES):
        i = at + lane
        x = dx + np.float32(lane)
        raw = _alpha(x, half_a, linear, constant, opacity)
        alpha = min(ALPHA_MAX, raw)
        before = state[i]
        after = before * (F1 - alpha)
        seen = F1 if alpha >= ALPHA_MIN else F0
        live = F1 if after > T_MIN else F0
        uncapped = F1 if raw <= ALPHA_MAX else F0
        on = seen * live
        weight = alpha * before * on
        state[i] = before + seen * (after * live - before)
        behind = on * alpha / (F1 - alpha)
        v = state[i + PLANE4]
        s = state[i + PLANE1] - weight * red
        state[i + PLANE1] = s
        d = weight * red - behind * s
        q = d * d
        dv = d * v
        c0 += weight * v
        v = state[i + PLANE5]
        s = state[i + PLANE2] - weight * green
        state[i + PLANE2] = s
        d = weight * green - behind * s
        q += d * d
        dv += d * v
        c1 += weight * v
        v = state[i + PLANE6]
        s = state[i + PLANE3] - weight * blue
        state[i + PLANE3] = s
        d = weight * blue - behind * s
        q += d * d
        dv += d * v
        c2 += weight * v
        dv *= uncapped
        d0 += dv
        d1 += dv * x
        d2 += dv * x * x
        error += q
    return d0, d1, d2, c0, c1, c2, error

# SPDX-License-Identifier: Apache-2.0
"""From screen to parameters: the chain rule of the projection, per visible Gaussian.

The screen quantities are mean2d (2), the conic a, b, c (3) and the logarithm of the opacity (1);
their Jacobian with respect to means (3), log_scales (3) and a small rotation about the world's
axes (3) serves both the gradient (J^T g) and the diagonal (diag J^T G J).

Source: derivatives of EWA projection worked out from Zwicker et al. 2001, eq. 25-31; a change dq of
a quaternion rotates by omega = 2 Im(dq q*) / |q|^2, which also holds for quaternions not of unit
length.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from flexgs.render.cpu.common import BLUE, BLUR, EXACT, EXACT_PARALLEL, GREEN, RED
from flexgs.render.cpu.project import (
    camera_covariance,
    camera_rotation,
    clamp_ratio,
    sh_gradients,
    sh_values,
)

SCREEN = 6  # rows of the Jacobian: mean2d x, y; conic a, b, c; log of the opacity compensation
WORLD = 9  # columns: means 3, log_scales 3, rotation 3
CHUNK = 256


@nb.njit(**EXACT)
def _put_covariance(jac, column, dxx, dxy, dyy, conic, sharp, antialiased):  # type: ignore[no-untyped-def]
    """Adds the effect of a change of the 2-D covariance on conic and log opacity to a column."""
    a, b, c = conic
    # d conic = -conic dcov conic
    t00, t01 = a * dxx + b * dxy, a * dxy + b * dyy
    t10, t11 = b * dxx + c * dxy, b * dxy + c * dyy
    jac[2, column] -= t00 * a + t01 * b
    jac[3, column] -= t00 * b + t01 * c
    jac[4, column] -= t10 * b + t11 * c
    if antialiased:  # log sqrt(det sharp / det): half the difference of the traces
        sxx, sxy, syy = sharp
        det = sxx * syy - sxy * sxy
        if det > 0.0:
            trace = (syy * dxx - 2 * sxy * dxy + sxx * dyy) / det
            jac[5, column] += 0.5 * (trace - (a * dxx + 2 * b * dxy + c * dyy))


@nb.njit(**EXACT)
def projection_jacobian(  # type: ignore[no-untyped-def]
    i, means, log_scales, quats, pose, lens, size, antialiased, axes, cov, jac
):
    """Fills jac (SCREEN, WORLD) f64 of Gaussian i, returns its conic; axes, cov (3, 3): scratch."""
    m0, m1, m2 = float(means[i, 0]), float(means[i, 1]), float(means[i, 2])
    x = pose[0, 0] * m0 + pose[0, 1] * m1 + pose[0, 2] * m2 + pose[0, 3]
    y = pose[1, 0] * m0 + pose[1, 1] * m1 + pose[1, 2] * m2 + pose[1, 3]
    z = pose[2, 0] * m0 + pose[2, 1] * m1 + pose[2, 2] * m2 + pose[2, 3]
    fx, fy, cx, cy = lens
    iz = 1.0 / z
    rx, ry = x * iz, y * iz
    ux, uy = clamp_ratio(rx, size[0], fx, cx), clamp_ratio(ry, size[1], fy, cy)
    camera_rotation(quats, i, pose, axes)
    camera_covariance(axes, log_scales, i, cov)
    j00, j11, j02, j12 = fx * iz, fy * iz, -fx * iz * ux, -fy * iz * uy
    # v = cov J^T, columns of (3, 2)
    vx0 = cov[0, 0] * j00 + cov[0, 2] * j02
    vx1 = cov[0, 1] * j00 + cov[1, 2] * j02
    vx2 = cov[0, 2] * j00 + cov[2, 2] * j02
    vy0 = cov[0, 1] * j11 + cov[0, 2] * j12
    vy1 = cov[1, 1] * j11 + cov[1, 2] * j12
    vy2 = cov[1, 2] * j11 + cov[2, 2] * j12
    sxx, sxy, syy = j00 * vx0 + j02 * vx2, j00 * vy0 + j02 * vy2, j11 * vy1 + j12 * vy2
    xx, yy = sxx + BLUR, syy + BLUR
    det = xx * yy - sxy * sxy
    conic = (yy / det, -sxy / det, xx / det)
    sharp = (sxx, sxy, syy)
    jac[:, :] = 0.0
    # Derivatives of J: j00, j11 fall with z; j02 = -f u / z with u = x / z unless clamped
    free_x = 1.0 if ux == rx else 0.0
    free_y = 1.0 if uy == ry else 0.0
    for k in range(3):
        dx, dy, dz = pose[0, k], pose[1, k], pose[2, k]
        jac[0, k] = fx * iz * (dx - rx * dz)
        jac[1, k] = fy * iz * (dy - ry * dz)
        d00, d11 = -j00 * iz * dz, -j11 * iz * dz
        d02 = -j02 * iz * dz - fx * iz * free_x * iz * (dx - rx * dz)
        d12 = -j12 * iz * dz - fy * iz * free_y * iz * (dy - ry * dz)
        dxx = 2 * (d00 * vx0 + d02 * vx2)
        dyy = 2 * (d11 * vy1 + d12 * vy2)
        dxy = d00 * vy0 + d02 * vy2 + d11 * vx1 + d12 * vx2
        _put_covariance(jac, k, dxx, dxy, dyy, conic, sharp, antialiased)
    for k in range(3):  # d cov / d log s_k = 2 s_k^2 r_k r_k^T
        deviation = math.exp(float(log_scales[i, k]))
        px = (j00 * axes[0, k] + j02 * axes[2, k]) * deviation
        py = (j11 * axes[1, k] + j12 * axes[2, k]) * deviation
        _put_covariance(
            jac, 3 + k, 2 * px * px, 2 * px * py, 2 * py * py, conic, sharp, antialiased
        )
    for k in range(3):  # d cov = [e] cov - cov [e], e the world's axis k in the camera's frame
        e0, e1, e2 = pose[0, k], pose[1, k], pose[2, k]
        # J [e] v = (J x e-turned v): rows of J times e x v
        cx0, cx2 = e1 * vx2 - e2 * vx1, e0 * vx1 - e1 * vx0
        cy0, cy1, cy2 = e1 * vy2 - e2 * vy1, e2 * vy0 - e0 * vy2, e0 * vy1 - e1 * vy0
        cx1 = e2 * vx0 - e0 * vx2
        dxx = 2 * (j00 * cx0 + j02 * cx2)
        dyy = 2 * (j11 * cy1 + j12 * cy2)
        dxy = j00 * cy0 + j02 * cy2 + j11 * cx1 + j12 * cx2
        _put_covariance(jac, 6 + k, dxx, dxy, dyy, conic, sharp, antialiased)
    return conic


@nb.njit(**EXACT)
def quaternion_rotations(quats, i, out):  # type: ignore[no-untyped-def]
    """out (4, 3): rotation about the world's axes per unit change of w, x, y, z."""
    w, x, y, z = float(quats[i, 0]), float(quats[i, 1]), float(quats[i, 2]), float(quats[i, 3])
    f = 2.0 / max(w * w + x * x + y * y + z * z, 1e-24)
    out[0, 0], out[0, 1], out[0, 2] = -x * f, -y * f, -z * f
    out[1, 0], out[1, 1], out[1, 2] = w * f, z * f, -y * f
    out[2, 0], out[2, 1], out[2, 2] = -z * f, w * f, x * f
    out[3, 0], out[3, 1], out[3, 2] = y * f, -x * f, w * f


@nb.njit(**EXACT)
def colour_slopes(  # type: ignore[no-untyped-def]
    i, means, eye, sh, red, green, blue, basis, gradient, out
):
    """out (3 channels, 3): d colour / d mean through the direction of view; basis at the direction.

    A colour clamped at 0 does not move. gradient (16, 3) is scratch.
    """
    k = sh.shape[1]
    d0, d1, d2 = means[i, 0] - eye[0], means[i, 1] - eye[1], means[i, 2] - eye[2]
    length = max(math.sqrt(d0 * d0 + d1 * d1 + d2 * d2), 1e-12)
    d0, d1, d2 = d0 / length, d1 / length, d2 / length
    sh_values(d0, d1, d2, k, basis)
    sh_gradients(d0, d1, d2, k, gradient)
    for channel in range(3):
        g0, g1, g2 = 0.0, 0.0, 0.0
        for j in range(1, k):
            value = sh[i, j, channel]
            g0 += gradient[j, 0] * value
            g1 += gradient[j, 1] * value
            g2 += gradient[j, 2] * value
        colour = red if channel == 0 else green if channel == 1 else blue
        scale = 1.0 / length if colour > 0.0 else 0.0
        along = g0 * d0 + g1 * d1 + g2 * d2  # the direction stays on the sphere
        out[channel, 0] = scale * (g0 - along * d0)
        out[channel, 1] = scale * (g1 - along * d1)
        out[channel, 2] = scale * (g2 - along * d2)


@nb.njit(**EXACT)
def _to_monomials(jac, conic, out):  # type: ignore[no-untyped-def]
    """out (6, WORLD): the derivative of the logarithm of a pixel's weight as a polynomial.

    dI/dtheta = D phi(x, y) with phi the row sums over 1, x, y, xx, xy, yy of `out` (x, y in
    pixels from the centre): a x + b y and b x + c y for mean2d, -xx/2, -xy, -yy/2 for the conic.
    """
    a, b, c = conic
    for k in range(WORLD):
        out[0, k] = jac[5, k]
        out[1, k] = a * jac[0, k] + b * jac[1, k]
        out[2, k] = b * jac[0, k] + c * jac[1, k]
        out[3, k] = -0.5 * jac[2, k]
        out[4, k] = -jac[3, k]
        out[5, k] = -0.5 * jac[4, k]


@nb.njit(**EXACT_PARALLEL)
def chain_gradient(  # type: ignore[no-untyped-def]
    ids, records, sums, means, log_scales, quats, logits, sh, pose, lens, size, eye, antialiased,
    out_means, out_scales, out_quats, out_logits, out_sh,
):  # fmt: skip
    """Adds J^T g of every visible Gaussian, from the GRADIENT sums (m, 9+), to rows `ids`."""
    k = sh.shape[1]
    for chunk in nb.prange((len(ids) + CHUNK - 1) // CHUNK):
        jac, poly = np.empty((SCREEN, WORLD)), np.empty((6, WORLD))
        axes, cov, turns, slopes = (
            np.empty((3, 3)),
            np.empty((3, 3)),
            np.empty((4, 3)),
            np.empty((3, 3)),
        )
        basis, gradient, world = np.empty(16), np.empty((16, 3)), np.empty(WORLD)
        for r in range(chunk * CHUNK, min(len(ids), (chunk + 1) * CHUNK)):
            i = ids[r]
            conic = projection_jacobian(
                i, means, log_scales, quats, pose, lens, size, antialiased, axes, cov, jac
            )
            _to_monomials(jac, conic, poly)
            for p in range(WORLD):
                world[p] = 0.0
                for m in range(6):
                    world[p] += poly[m, p] * sums[r, m]
            red, green, blue = records[r, RED], records[r, GREEN], records[r, BLUE]
            colour_slopes(i, means, eye, sh, red, green, blue, basis, gradient, slopes)
            quaternion_rotations(quats, i, turns)
            for a in range(3):
                total = world[a]
                for channel in range(3):
                    total += slopes[channel, a] * sums[r, 6 + channel]
                out_means[i, a] += total
                out_scales[i, a] += world[3 + a]
            for q in range(4):
                out_quats[i, q] += (
                    turns[q, 0] * world[6] + turns[q, 1] * world[7] + turns[q, 2] * world[8]
                )
            out_logits[i] += sums[r, 0] / (1.0 + math.exp(float(logits[i])))
            for channel in range(3):
                if records[r, RED + channel] > 0.0:
                    for j in range(k):
                        out_sh[i, j, channel] += basis[j] * sums[r, 6 + channel]


@nb.njit(**EXACT)
def _fill_gram(sums, r, gram):  # type: ignore[no-untyped-def]
    """gram (6, 6): sums of Q times products of 1, x, y, xx, xy, yy, from the moments (sums.py)."""
    gram[0, 0] = sums[r, 0]
    gram[0, 1], gram[0, 2] = sums[r, 1], sums[r, 2]
    gram[0, 3], gram[0, 4], gram[0, 5] = sums[r, 3], sums[r, 4], sums[r, 5]
    gram[1, 1], gram[1, 2], gram[2, 2] = sums[r, 3], sums[r, 4], sums[r, 5]
    gram[1, 3], gram[1, 4], gram[1, 5] = sums[r, 6], sums[r, 7], sums[r, 8]
    gram[2, 3], gram[2, 4], gram[2, 5] = sums[r, 7], sums[r, 8], sums[r, 9]
    gram[3, 3], gram[3, 4], gram[3, 5] = sums[r, 10], sums[r, 11], sums[r, 12]
    gram[4, 4], gram[4, 5], gram[5, 5] = sums[r, 12], sums[r, 13], sums[r, 14]
    for a in range(6):
        for b in range(a):
            gram[a, b] = gram[b, a]


@nb.njit(**EXACT)
def _quadratic(weighted, poly, p, q):  # type: ignore[no-untyped-def]
    """Entry p, q of poly^T gram poly, with weighted = gram poly."""
    total = 0.0
    for a in range(6):
        total += poly[a, p] * weighted[a, q]
    return total


@nb.njit(**EXACT_PARALLEL)
def chain_fisher(  # type: ignore[no-untyped-def]
    ids, records, sums, means, log_scales, quats, logits, sh, pose, lens, size, eye, antialiased,
    out_means, out_scales, out_quats, out_logits, out_sh,
):  # fmt: skip
    """diag(J^T J) for every visible Gaussian, from the FISHER sums (m, 34); writes rows `ids`."""
    k = sh.shape[1]
    for chunk in nb.prange((len(ids) + CHUNK - 1) // CHUNK):
        jac, poly, gram = np.empty((SCREEN, WORLD)), np.empty((6, WORLD)), np.empty((6, 6))
        axes, cov, turns, slopes = (
            np.empty((3, 3)),
            np.empty((3, 3)),
            np.empty((4, 3)),
            np.empty((3, 3)),
        )
        basis, gradient = np.empty(16), np.empty((16, 3))
        weighted, turned = np.empty((6, WORLD)), np.empty((3, 3))
        for r in range(chunk * CHUNK, min(len(ids), (chunk + 1) * CHUNK)):
            i = ids[r]
            conic = projection_jacobian(
                i, means, log_scales, quats, pose, lens, size, antialiased, axes, cov, jac
            )
            _to_monomials(jac, conic, poly)
            _fill_gram(sums, r, gram)
            for a in range(6):
                for p in range(WORLD):
                    weighted[a, p] = 0.0
                for b in range(6):
                    for p in range(WORLD):
                        weighted[a, p] += gram[a, b] * poly[b, p]
            square = sums[r, 15]
            red, green, blue = records[r, RED], records[r, GREEN], records[r, BLUE]
            colour_slopes(i, means, eye, sh, red, green, blue, basis, gradient, slopes)
            quaternion_rotations(quats, i, turns)
            for a in range(3):
                total = _quadratic(weighted, poly, a, a)
                for channel in range(3):
                    cross = 0.0
                    for m in range(6):
                        cross += poly[m, a] * sums[r, 16 + 6 * channel + m]
                    total += slopes[channel, a] * (2 * cross + slopes[channel, a] * square)
                out_means[i, a] = max(0.0, total)
                out_scales[i, a] = max(0.0, _quadratic(weighted, poly, 3 + a, 3 + a))
                for b in range(3):
                    turned[a, b] = _quadratic(weighted, poly, 6 + a, 6 + b)
            for q in range(4):
                total = 0.0
                for a in range(3):
                    for b in range(3):
                        total += turns[q, a] * turned[a, b] * turns[q, b]
                out_quats[i, q] = max(0.0, total)
            opaque = 1.0 / (1.0 + math.exp(float(logits[i])))
            out_logits[i] = sums[r, 0] * opaque * opaque
            for channel in range(3):
                if records[r, RED + channel] > 0.0:
                    for j in range(k):
                        out_sh[i, j, channel] = basis[j] * basis[j] * square


@nb.njit(**EXACT)
def _to_own_axes(jac, axes, pose, out):  # type: ignore[no-untyped-def]
    """out (SCREEN, WORLD): `jac` with means and rotation about the Gaussian's own axes."""
    for k in range(3):
        for row in range(SCREEN):
            mean, turn = 0.0, 0.0
            for world in range(3):
                along = (
                    pose[0, world] * axes[0, k]
                    + pose[1, world] * axes[1, k]
                    + pose[2, world] * axes[2, k]
                )
                mean += jac[row, world] * along
                turn += jac[row, 6 + world] * along
            out[row, k], out[row, 3 + k], out[row, 6 + k] = mean, jac[row, 3 + k], turn


@nb.njit(**EXACT_PARALLEL)
def chain_blocks(  # type: ignore[no-untyped-def]
    ids, sums, means, log_scales, quats, logits, pose, lens, size, antialiased, blocks
):
    """Adds J^T J of every visible Gaussian's geometry (docs: Renderer.blocks) to rows `ids`.

    The colours' dependence on the means through the direction of view is left out.
    """
    for chunk in nb.prange((len(ids) + CHUNK - 1) // CHUNK):
        jac, own, gram = np.empty((SCREEN, WORLD)), np.empty((SCREEN, WORLD)), np.empty((6, 6))
        poly, axes, cov = np.empty((6, WORLD + 1)), np.empty((3, 3)), np.empty((3, 3))
        weighted = np.empty((6, WORLD + 1))
        for r in range(chunk * CHUNK, min(len(ids), (chunk + 1) * CHUNK)):
            i = ids[r]
            conic = projection_jacobian(
                i, means, log_scales, quats, pose, lens, size, antialiased, axes, cov, jac
            )
            _to_own_axes(jac, axes, pose, own)
            _to_monomials(own, conic, poly)
            for m in range(6):
                poly[m, WORLD] = 0.0
            poly[0, WORLD] = 1.0 / (1.0 + math.exp(float(logits[i])))
            _fill_gram(sums, r, gram)
            for a in range(6):
                for p in range(WORLD + 1):
                    weighted[a, p] = 0.0
                for b in range(6):
                    for p in range(WORLD + 1):
                        weighted[a, p] += gram[a, b] * poly[b, p]
            for p in range(WORLD + 1):
                for q in range(WORLD + 1):
                    blocks[i, p, q] += _quadratic(weighted, poly, p, q)

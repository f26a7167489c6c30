# SPDX-License-Identifier: Apache-2.0
"""Gaussians to screen: EWA projection, culling, colours, and the tile count of each.

Source: Zwicker et al. 2001, "EWA Splatting"; semantics (frustum clamp, blur, cut-offs) of gsplat.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from flexgs.render.cpu.common import (
    BLUE,
    BLUR,
    CURVE,
    ELLIPSE_SLACK,
    EXACT,
    EXACT_PARALLEL,
    FRUSTUM_MARGIN,
    GREEN,
    HALF_A,
    HALF_C,
    HALF_HEIGHT,
    INV_A,
    LEVEL,
    MX,
    MY,
    NEAR,
    OPACITY,
    RED,
    SLOPE,
    TILE,
    Y_EDGE,
    B,
)

LOGIT_MIN = -5.5373342670185366  # sigmoid gives 1/255
LEVEL_MAX = 2.0 * math.log(255.0) + ELLIPSE_SLACK
C0 = 0.28209479177387814
C1 = 0.4886025119029199
C2A, C2B, C2C = 1.0925484305920792, 0.31539156525252005, 0.5462742152960396
C3A, C3B, C3C = 0.5900435899266435, 2.890611442640554, 0.4570457994644658
C3D, C3E = 0.3731763325901154, 1.445305721320277


@nb.njit(**EXACT)
def sh_values(x, y, z, k, out):  # type: ignore[no-untyped-def]
    """Basis values of `core.sh.sh_basis` for one direction; out (16,) f64, the first k filled."""
    out[0] = C0
    if k > 1:
        out[1] = -C1 * y
        out[2] = C1 * z
        out[3] = -C1 * x
    if k > 4:
        out[4] = C2A * x * y
        out[5] = -C2A * y * z
        out[6] = C2B * (2 * z * z - x * x - y * y)
        out[7] = -C2A * x * z
        out[8] = C2C * (x * x - y * y)
    if k > 9:
        out[9] = -C3A * y * (3 * x * x - y * y)
        out[10] = C3B * x * y * z
        out[11] = -C3C * y * (4 * z * z - x * x - y * y)
        out[12] = C3D * z * (2 * z * z - 3 * x * x - 3 * y * y)
        out[13] = -C3C * x * (4 * z * z - x * x - y * y)
        out[14] = C3E * z * (x * x - y * y)
        out[15] = -C3A * x * (x * x - 3 * y * y)


@nb.njit(**EXACT)
def sh_gradients(x, y, z, k, out):  # type: ignore[no-untyped-def]
    """Derivatives of `sh_values` by x, y, z as free variables; out (16, 3), rows 1 to k filled."""
    if k > 1:
        _put(out, 1, 0.0, -C1, 0.0)
        _put(out, 2, 0.0, 0.0, C1)
        _put(out, 3, -C1, 0.0, 0.0)
    if k > 4:
        _put(out, 4, C2A * y, C2A * x, 0.0)
        _put(out, 5, 0.0, -C2A * z, -C2A * y)
        _put(out, 6, -2 * C2B * x, -2 * C2B * y, 4 * C2B * z)
        _put(out, 7, -C2A * z, 0.0, -C2A * x)
        _put(out, 8, 2 * C2C * x, -2 * C2C * y, 0.0)
    if k > 9:
        xx, yy, zz = x * x, y * y, z * z
        _put(out, 9, -6 * C3A * x * y, -3 * C3A * (xx - yy), 0.0)
        _put(out, 10, C3B * y * z, C3B * x * z, C3B * x * y)
        _put(out, 11, 2 * C3C * x * y, -C3C * (4 * zz - xx - 3 * yy), -8 * C3C * y * z)
        _put(out, 12, -6 * C3D * x * z, -6 * C3D * y * z, 3 * C3D * (2 * zz - xx - yy))
        _put(out, 13, -C3C * (4 * zz - 3 * xx - yy), 2 * C3C * x * y, -8 * C3C * x * z)
        _put(out, 14, 2 * C3E * x * z, -2 * C3E * y * z, C3E * (xx - yy))
        _put(out, 15, -3 * C3A * (xx - yy), 6 * C3A * x * y, 0.0)


@nb.njit(**EXACT)
def _put(out, row, x, y, z):  # type: ignore[no-untyped-def]
    out[row, 0], out[row, 1], out[row, 2] = x, y, z


@nb.njit(**EXACT)
def camera_rotation(quats, i, pose, out):  # type: ignore[no-untyped-def]
    """out (3, 3) f64: columns are the axes of ellipsoid i in the camera's frame."""
    w, x, y, z = float(quats[i, 0]), float(quats[i, 1]), float(quats[i, 2]), float(quats[i, 3])
    inverse = 1.0 / max(math.sqrt(w * w + x * x + y * y + z * z), 1e-12)
    w, x, y, z = w * inverse, x * inverse, y * inverse, z * inverse
    r00, r01, r02 = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    r10, r11, r12 = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    r20, r21, r22 = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)
    for a in range(3):
        p0, p1, p2 = pose[a, 0], pose[a, 1], pose[a, 2]
        out[a, 0] = p0 * r00 + p1 * r10 + p2 * r20
        out[a, 1] = p0 * r01 + p1 * r11 + p2 * r21
        out[a, 2] = p0 * r02 + p1 * r12 + p2 * r22


@nb.njit(**EXACT)
def camera_covariance(axes, log_scales, i, out):  # type: ignore[no-untyped-def]
    """out (3, 3) f64: covariance of Gaussian i in the camera's frame, from `camera_rotation`."""
    v0 = math.exp(2.0 * log_scales[i, 0])
    v1 = math.exp(2.0 * log_scales[i, 1])
    v2 = math.exp(2.0 * log_scales[i, 2])
    for a in range(3):
        for b in range(a, 3):
            out[a, b] = (
                axes[a, 0] * axes[b, 0] * v0 + axes[a, 1] * axes[b, 1] * v1
                + axes[a, 2] * axes[b, 2] * v2
            )  # fmt: skip
            out[b, a] = out[a, b]


@nb.njit(**EXACT)
def clamp_ratio(ratio, size, focal, centre):  # type: ignore[no-untyped-def]
    """x/z clamped to gsplat's widened frustum."""
    margin = FRUSTUM_MARGIN * 0.5 * size / focal
    return min(max(ratio, -(centre / focal + margin)), (size - centre) / focal + margin)


@nb.njit(**EXACT)
def ellipse_columns(record, row):  # type: ignore[no-untyped-def]
    """Leftmost and rightmost x that the ellipse of one record reaches in tile row `row`.

    The right edge x(dy) = -slope dy + sqrt((level - curve dy^2) / a) is concave with its top at
    dy_e; on an interval its maximum is at dy_e clamped to the interval. Likewise the left edge.
    """
    level, slope, curve, inv_a = record[LEVEL], record[SLOPE], record[CURVE], record[INV_A]
    low = max(row * TILE + 0.5 - record[MY], -record[HALF_HEIGHT])
    high = min(row * TILE + TILE - 0.5 - record[MY], record[HALF_HEIGHT])
    dy_e = record[Y_EDGE]
    dy = min(max(dy_e, low), high)
    right = -slope * dy + math.sqrt(max(0.0, (level - curve * dy * dy) * inv_a))
    dy = min(max(-dy_e, low), high)
    left = -slope * dy - math.sqrt(max(0.0, (level - curve * dy * dy) * inv_a))
    return record[MX] + left, record[MX] + right


@nb.njit(**EXACT)
def tile_columns(record, row, columns):  # type: ignore[no-untyped-def]
    """First and last-plus-one tile of a tile row that the ellipse touches (empty: equal)."""
    left, right = ellipse_columns(record, row)
    first = max(0, int(math.ceil((left - (TILE - 0.5)) / TILE)))
    last = min(columns, int(math.floor((right - 0.5) / TILE)) + 1)
    return first, max(first, last)


@nb.njit(**EXACT)
def tile_rows(record, rows):  # type: ignore[no-untyped-def]
    """First and last-plus-one tile row whose pixel centres the ellipse reaches."""
    first = max(0, int(math.ceil((record[MY] - record[HALF_HEIGHT] - (TILE - 0.5)) / TILE)))
    last = min(rows, int(math.floor((record[MY] + record[HALF_HEIGHT] - 0.5) / TILE)) + 1)
    return first, max(first, last)


@nb.njit(**EXACT)
def _reach_bound(log_scales, i, magnification, field):  # type: ignore[no-untyped-def]
    """Pixels that no ellipse of Gaussian i can exceed, whatever its rotation and opacity.

    A row of J is at most f/z sqrt(1 + (x/z)^2) long, and |x/z| is clamped to at most
    field + FRUSTUM_MARGIN * field / 2 even for a principal point at the image's edge.
    """
    largest = max(log_scales[i, 0], max(log_scales[i, 1], log_scales[i, 2]))
    sigma = math.exp(float(largest)) * magnification
    ratio = field * (1.0 + 0.5 * FRUSTUM_MARGIN)
    return math.sqrt(LEVEL_MAX * (sigma * sigma * (1.0 + ratio * ratio) + BLUR))


@nb.njit(**EXACT)
def _project_one(  # type: ignore[no-untyped-def]
    i, means, log_scales, quats, logits, pose, lens, size, antialiased, axes, cov, record
):
    """Fills one record but for its colour; returns the depth, 0 when nothing is visible."""
    m0, m1, m2 = float(means[i, 0]), float(means[i, 1]), float(means[i, 2])
    x = pose[0, 0] * m0 + pose[0, 1] * m1 + pose[0, 2] * m2 + pose[0, 3]
    y = pose[1, 0] * m0 + pose[1, 1] * m1 + pose[1, 2] * m2 + pose[1, 3]
    z = pose[2, 0] * m0 + pose[2, 1] * m1 + pose[2, 2] * m2 + pose[2, 3]
    if z < NEAR:
        return 0.0
    fx, fy, cx, cy = lens
    width, height = size
    inv_z = 1.0 / z
    mx, my = fx * x * inv_z + cx, fy * y * inv_z + cy
    reach = _reach_bound(log_scales, i, max(fx, fy) * inv_z, max(width / fx, height / fy))
    if logits[i] < LOGIT_MIN or abs(2 * mx - width) > width + 2 * reach:
        return 0.0
    if abs(2 * my - height) > height + 2 * reach:
        return 0.0
    opacity = 1.0 / (1.0 + math.exp(-float(logits[i])))
    camera_rotation(quats, i, pose, axes)
    camera_covariance(axes, log_scales, i, cov)
    j00, j11 = fx * inv_z, fy * inv_z
    j02 = -fx * inv_z * clamp_ratio(x * inv_z, width, fx, cx)
    j12 = -fy * inv_z * clamp_ratio(y * inv_z, height, fy, cy)
    xx = j00 * j00 * cov[0, 0] + 2 * j00 * j02 * cov[0, 2] + j02 * j02 * cov[2, 2]
    yy = j11 * j11 * cov[1, 1] + 2 * j11 * j12 * cov[1, 2] + j12 * j12 * cov[2, 2]
    xy = j00 * (j11 * cov[0, 1] + j12 * cov[0, 2]) + j02 * (j11 * cov[1, 2] + j12 * cov[2, 2])
    sharp = xx * yy - xy * xy
    xx += BLUR
    yy += BLUR
    det = xx * yy - xy * xy
    if not det > 0.0:
        return 0.0
    if antialiased:
        opacity *= math.sqrt(max(0.0, sharp / det))
        if opacity < 1.0 / 255.0:
            return 0.0
    level = 2.0 * math.log(255.0 * opacity) + ELLIPSE_SLACK
    half_w, half_h = math.sqrt(level * xx), math.sqrt(level * yy)
    if mx + half_w < 0 or mx - half_w > width or my + half_h < 0 or my - half_h > height:
        return 0.0
    a, b, c = yy / det, -xy / det, xx / det
    record[MX], record[MY] = mx, my
    record[HALF_A], record[B], record[HALF_C] = 0.5 * a, b, 0.5 * c
    record[OPACITY], record[LEVEL] = opacity, level
    record[SLOPE], record[CURVE], record[INV_A] = b / a, 1.0 / yy, 1.0 / a
    record[Y_EDGE], record[HALF_HEIGHT] = xy * math.sqrt(level / xx), half_h
    return z


@nb.njit(**EXACT_PARALLEL)
def project(  # type: ignore[no-untyped-def]
    means, log_scales, quats, logits, sh, pose, lens, size, eye, antialiased, records, depths, tiles
):
    """Fills records (n, RECORD) and depths (n,) of visible Gaussians, tile counts (n,) of all.

    pose (3, 4) f64; lens fx, fy, cx, cy; size width, height; eye (3,) f64 the camera's centre.
    A Gaussian of no tile is invisible; its record is not written.
    """
    n, k = len(means), sh.shape[1]
    rows = (size[1] + TILE - 1) // TILE
    columns = (size[0] + TILE - 1) // TILE
    step = 1024
    for chunk in nb.prange((n + step - 1) // step):
        axes, cov = np.empty((3, 3)), np.empty((3, 3))
        basis = np.empty(16)
        for i in range(chunk * step, min(n, (chunk + 1) * step)):
            tiles[i] = 0
            record = records[i]
            z = _project_one(
                i,
                means,
                log_scales,
                quats,
                logits,
                pose,
                lens,
                size,
                antialiased,
                axes,
                cov,
                record,
            )
            if z == 0.0:
                continue
            first, last = tile_rows(record, rows)
            count = 0
            for row in range(first, last):
                left, right = tile_columns(record, row, columns)
                count += right - left
            if count == 0:
                continue
            tiles[i] = count
            depths[i] = z
            dx, dy, dz = means[i, 0] - eye[0], means[i, 1] - eye[1], means[i, 2] - eye[2]
            inverse = 1.0 / max(math.sqrt(dx * dx + dy * dy + dz * dz), 1e-12)
            sh_values(dx * inverse, dy * inverse, dz * inverse, k, basis)
            red, green, blue = 0.5, 0.5, 0.5
            for j in range(k):
                red += basis[j] * sh[i, j, 0]
                green += basis[j] * sh[i, j, 1]
                blue += basis[j] * sh[i, j, 2]
            record[RED] = max(0.0, red)
            record[GREEN] = max(0.0, green)
            record[BLUE] = max(0.0, blue)


@nb.njit(**EXACT_PARALLEL)
def gather_records(records, ids, out):  # type: ignore[no-untyped-def]
    """out[r] = records[ids[r]], the records in depth order."""
    for r in nb.prange(len(ids)):
        out[r] = records[ids[r]]

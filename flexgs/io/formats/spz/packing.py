# SPDX-License-Identifier: Apache-2.0
"""Gaussians -> blocks of an SPZ file, always the nearest number, and what they could not hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.io.formats.losses import Loss
from flexgs.io.formats.spz.unpacking import (
    DC_SCALE,
    LOWEST_SCALE,
    QUAT_HALF,
    QUAT_MAX,
    QUAT_SCALE,
    SCALE_STEPS,
    SH_ZERO,
)

F32 = npt.NDArray[np.float32]

POSITION_MAX = (1 << 23) - 1
_DC_MAX = 0.5 / DC_SCALE
_HIGHEST_SCALE = LOWEST_SCALE + 255 / SCALE_STEPS


@dataclass(frozen=True)
class Precision:
    """How finely a file holds its values, in steps of the format's own numbers; 1 is the finest.

    Any reader reads the coarser ones: gzip and zstd make fewer bytes of fewer different numbers.
    """

    sh: int = 10  # of 128ths
    positions: float = 0.125  # of the middle size of small Gaussians, at most
    alphas: int = 1  # of 255ths; a divisor of 255 keeps opaque what is
    colours: int = 1  # of 255ths
    scales: int = 1  # of 16ths
    quats: int = 1  # of 511ths of sqrt(1/2), in versions 3 and 4


def pack_rows(
    splats: Splats, version: int, fractional_bits: int, precision: Precision
) -> tuple[tuple[bytes, ...], list[Loss]]:
    """The rows' bytes in each block, in the file's order, and what those do not hold."""
    most = (POSITION_MAX + 0.5) * 0.5**fractional_bits
    half = 0.5 / SCALE_STEPS
    alphas = pack_alphas(splats.opacity_logits, precision.alphas)
    losses = [
        _beyond(splats.means, -most, most, f"positions beyond +-{most:.6g} were moved there"),
        _faint(alphas),
        _beyond(splats.sh[:, 0], -_DC_MAX, _DC_MAX, f"DC beyond +-{_DC_MAX:.4g} was clipped"),
        _beyond(
            splats.log_scales,
            LOWEST_SCALE - half,
            np.inf,
            f"log scales under {LOWEST_SCALE} were raised",
        ),
        _beyond(
            splats.log_scales,
            -np.inf,
            _HIGHEST_SCALE + half,
            f"log scales over {_HIGHEST_SCALE} were lowered",
        ),
        _beyond(splats.sh[:, 1:], -1.0, 1.0, "SH beyond +-1 were clipped"),
    ]
    if version == 2:
        rotations = pack_xyz_rotations(splats.quats)
    else:
        rotations = pack_rotations(splats.quats, precision.quats)
    blocks = (
        pack_positions(splats.means, fractional_bits),
        alphas,
        pack_colors(splats.sh[:, 0], precision.colours),
        pack_scales(splats.log_scales, precision.scales),
        rotations,
        pack_sh(splats.sh, precision.sh),
    )
    return blocks, [loss for loss in losses if loss.count]


def merge_losses(losses: list[Loss]) -> tuple[Loss, ...]:
    """One loss a kind: counts add up, the largest value is the worst."""
    merged: dict[str, Loss] = {}
    for loss in losses:
        before = merged.get(loss.what, Loss(loss.what, 0))
        worst = max((x for x in (before.worst, loss.worst) if x is not None), key=abs, default=None)
        merged[loss.what] = Loss(loss.what, before.count + loss.count, worst)
    return tuple(merged.values())


def _beyond(values: F32, low: float, high: float, what: str) -> Loss:  # (n, ...)
    if not values.size:
        return Loss(what, 0)
    least, most = float(values.min()), float(values.max())
    if least >= low and most <= high:
        return Loss(what, 0)
    flat = values.reshape(len(values), -1)
    count = int(((flat < low) | (flat > high)).any(axis=1).sum())
    return Loss(what, count, least if low - least > most - high else most)


def _faint(alphas: bytes) -> Loss:
    return Loss("opacities under half a step of bytes became 0", alphas.count(0))


def _to_bytes(values: F32, step: int = 1) -> bytes:
    """The nearest byte of each that is a multiple of `step`; changes `values`."""
    values *= np.float32(1 / step)
    np.rint(values, out=values)
    values *= step
    return _clipped(values)


def _clipped(values: F32) -> bytes:  # whole numbers; changes them
    return np.clip(values, 0, 255, out=values).astype(np.uint8).tobytes()


def pack_positions(means: F32, fractional_bits: int) -> bytes:  # (n, 3)
    """24-bit two's complement, little-endian; a position beyond them stays at their end."""
    # float32 cannot hold 24 bits, a sign and the half that rounding needs
    steps = np.rint(means * np.float64(2.0**fractional_bits))
    inside = np.clip(steps, -POSITION_MAX, POSITION_MAX).astype("<i4")
    return inside.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def pack_alphas(logits: F32, step: int = 1) -> bytes:  # (n,)
    """A byte of opacity."""
    return _to_bytes(sigmoid(logits) * np.float32(255), step)


def pack_colors(dc: F32, step: int = 1) -> bytes:  # (n, 3)
    """A byte a channel for DC from -3.33 to 3.33."""
    return _to_bytes(dc * np.float32(255 * DC_SCALE) + np.float32(127.5), step)


def pack_scales(log_scales: F32, step: int = 1) -> bytes:  # (n, 3)
    """Steps of 1/16 from -10."""
    return _to_bytes((log_scales - np.float32(LOWEST_SCALE)) * np.float32(SCALE_STEPS), step)


def _unit_xyzw(quats: F32) -> F32:  # (n, 4) wxyz, any length -> (4, n) xyzw
    columns = np.ascontiguousarray(quats.T)[[1, 2, 3, 0]]
    lengths = np.sqrt(np.einsum("ij,ij->j", columns, columns, dtype=np.float64))
    return np.asarray(columns / lengths, np.float32)


def pack_xyz_rotations(quats: F32) -> bytes:  # (n, 4)
    """x, y, z in a byte each, with the sign that makes w positive; version 2."""
    unit = _unit_xyzw(quats)
    xyz = np.where(unit[3] < 0, -unit[:3], unit[:3])
    return _to_bytes(np.ascontiguousarray(xyz.T) * np.float32(QUAT_HALF) + np.float32(QUAT_HALF))


def pack_rotations(quats: F32, step: int = 1) -> bytes:  # (n, 4)
    """The three smallest of x, y, z, w, see `unpack_rotations`; versions 3 and 4."""
    unit = _unit_xyzw(quats)
    sizes = np.abs(unit)
    largest = np.argmax(sizes, axis=0).astype(np.uint32)
    steps = np.minimum(np.rint(sizes * np.float32(QUAT_SCALE / step)), QUAT_MAX // step)
    fields = (steps * step).astype(np.uint32)
    negative = unit < 0
    turned = np.take_along_axis(negative, largest[None], axis=0)
    fields |= (negative ^ turned).astype(np.uint32) << np.uint32(QUAT_MAX.bit_length())
    word = largest.copy()
    for axis in range(4):
        word = np.where(largest == axis, word, (word << np.uint32(10)) | fields[axis])
    stored: npt.NDArray[np.uint32] = word.astype("<u4")
    return stored.tobytes()


def pack_sh(sh: F32, step: int) -> bytes:  # (n, k, 3)
    """The k - 1 coefficients from -1 to 1 as whole numbers of steps of `step`/128.

    Rounded once: the reference rounds to 1/128 first.
    """
    values = sh[:, 1:] * np.float32(SH_ZERO / step)
    np.rint(values, out=values)
    values *= step
    values += SH_ZERO
    return _clipped(values)

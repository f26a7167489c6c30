# SPDX-License-Identifier: Apache-2.0
"""Gaussians -> the bytes of a .compressed.ply."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.sh import SH_C0
from flexgs.errors import SceneError
from flexgs.io.formats.compressed_ply.layout import (
    AXIS_WEIGHTS,
    CHUNK,
    COLOUR_RANGE,
    MAX_LOG_SCALE,
    PACKED,
    POSITION_RANGE,
    SCALE_RANGE,
    SH_LIMIT,
    pack_rotation,
    pack_unit,
    sh_bytes,
)
from flexgs.io.formats.compressed_ply.order import chunk_order
from flexgs.io.formats.losses import Encoded
from flexgs.io.formats.parts import count_outside, encode_alpha, unit_quats
from flexgs.io.ply_variants import comments_of_model

F32 = npt.NDArray[np.float32]

_BLOCK_ROWS = 4096


def write_compressed_ply(splats: Splats) -> Encoded:
    """The bytes of a .compressed.ply: neighbours together, colours with a range of their chunk.

    Raises:
        SceneError: no 3-D Gaussians, or of degree 4.
    """
    if splats.d != 3 or splats.degree > 3:
        raise SceneError(
            "a .compressed.ply holds 3-D Gaussians of degree 0 to 3",
            found=f"{splats.d}-D, degree {splats.degree}",
        )
    order = chunk_order(splats.means, CHUNK, AXIS_WEIGHTS)
    limit = MAX_LOG_SCALE
    losses = count_outside("log scales beyond +-20 were clipped", splats.log_scales, -limit, limit)
    scales = np.clip(splats.log_scales[order], -limit, limit)
    colours = np.float32(0.5) + np.float32(SH_C0) * splats.sh[order, 0]
    alphas, gone = encode_alpha(splats.opacity_logits[order])
    ranges, (position, scale, colour) = _pack_ranges([splats.means[order], scales, colours])
    rgb = np.rint(colour * 255).astype(np.uint32)
    packed = np.empty((splats.n, len(PACKED)), "<u4")
    packed[:, 0] = pack_unit(position)
    packed[:, 1] = pack_rotation(unit_quats(splats.quats[order]))
    packed[:, 2] = pack_unit(scale)
    packed[:, 3] = (rgb[:, 0] << 24) | (rgb[:, 1] << 16) | (rgb[:, 2] << 8) | alphas
    rest = splats.sh[:, 1:]
    outside = count_outside("SH beyond +-4 were clipped", rest, -SH_LIMIT, SH_LIMIT)
    data = _header(splats, 3 * rest.shape[1]) + ranges.tobytes() + packed.tobytes()
    return Encoded(data + _pack_sh(rest, order), (*losses, *gone, *outside))


def _pack_sh(rest: F32, order: npt.NDArray[np.int64]) -> bytes:  # (n, k - 1, 3), (n,)
    """A byte a coefficient, all of red first."""
    columns = rest.shape[1]
    levels = np.empty((len(order), 3, columns), np.uint8)
    for start in range(0, len(order), _BLOCK_ROWS):  # a block stays in the cache
        rows = order[start : start + _BLOCK_ROWS]
        levels[start : start + _BLOCK_ROWS] = sh_bytes(rest[rows]).transpose(0, 2, 1)
    return levels.tobytes()


def _pack_ranges(fields: list[F32]) -> tuple[F32, list[F32]]:
    """Ends of every chunk, (chunks, 6 fields), and the values of each field within them, (n, 3)."""
    n = len(fields[0])
    starts = np.arange(0, n, CHUNK)
    ends, units = [], []
    for values in fields:
        if not n:
            return np.zeros((0, 6 * len(fields)), np.float32), fields
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        ends += [low, high]
        width = np.where(high > low, high - low, np.float32(1))
        lows, widths = (np.repeat(each, CHUNK, axis=0)[:n] for each in (low, width))
        units.append(np.clip((values - lows) / widths, 0, 1))
    return np.concatenate(ends, axis=1).astype("<f4"), units


def _header(splats: Splats, rest: int) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {comment}" for comment in comments_of_model(splats.model)]
    lines.append(f"element chunk {-(-splats.n // CHUNK)}")
    lines += [f"property float {name}" for name in (*POSITION_RANGE, *SCALE_RANGE, *COLOUR_RANGE)]
    lines.append(f"element vertex {splats.n}")
    lines += [f"property uint {name}" for name in PACKED]
    if rest:
        lines.append(f"element sh {splats.n}")
        lines += [f"property uchar f_rest_{i}" for i in range(rest)]
    return "\n".join([*lines, "end_header", ""]).encode()

# SPDX-License-Identifier: Apache-2.0
"""Gaussians -> the bytes of a .ksplat of one section."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.errors import SceneError, UsageError
from flexgs.io.formats.ksplat.layout import (
    CENTRE_BYTES,
    DEFAULT_RANGE,
    HEADER,
    LENGTH,
    MAX_DEGREE,
    MAX_LEVEL,
    SECTION,
    SH_DEFAULT,
    VERSION,
    row_type,
)
from flexgs.io.formats.losses import Encoded, Loss
from flexgs.io.formats.parts import count_outside, encode_alpha, encode_dc, unit_quats

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

BUCKET_SIZE = 256
BLOCK_SIZE = 5.0  # scene units a side, of a block that shares a centre
_MAX_CELLS = 1 << 20  # a side, so that three cell numbers fit 63 bits
_HALF = float(np.finfo(np.float16).max), float(np.finfo(np.float16).smallest_subnormal)


def write_ksplat(splats: Splats, level: int = 0) -> Encoded:
    """The bytes of a .ksplat.

    Args:
        level: 0 keeps float32 (but 8-bit colours and opacities); 1 has 16-bit positions and half
            floats; 2 has 8-bit SH, too.

    Raises:
        UsageError: no such level. SceneError: degree above 2, or no plain 3-D Gaussians.
    """
    if level not in range(MAX_LEVEL + 1):
        raise UsageError("no such level of .ksplat", expected=f"0 to {MAX_LEVEL}", found=level)
    if splats.d != 3 or splats.degree > MAX_DEGREE or splats.model != "3dgs":
        raise SceneError(
            f"a .ksplat holds plain 3-D Gaussians of degree 0 to {MAX_DEGREE}",
            found=f"{splats.d}-D, degree {splats.degree}, {splats.model}",
        )
    header, section = np.zeros((), HEADER), np.zeros((), SECTION)
    header["major"], header["minor"], header["level"] = *VERSION, level
    header["max_sections"] = header["sections"] = 1
    header["max_splats"] = header["splats"] = splats.n
    section["splats"] = section["max_splats"] = splats.n
    section["degree"] = splats.degree
    buckets = b""
    means: npt.NDArray[Any] = splats.means
    if level > 0:
        buckets, order, means = _fill_buckets(splats.means, section)
        splats = splats.select(order)
    rows, losses = _rows(splats, means, level, header)
    section["bytes"] = len(buckets) + rows.nbytes
    data = header.tobytes() + section.tobytes() + buckets + rows.tobytes()
    return Encoded(data, tuple(losses))


def _rows(
    splats: Splats, means: npt.NDArray[Any], level: int, header: npt.NDArray[np.void]
) -> tuple[npt.NDArray[np.void], list[Loss]]:
    """All rows, and the range of 8-bit SH into the header."""
    rows = np.empty(splats.n, row_type(level, splats.degree))
    number = np.float32 if level == 0 else np.float16
    colours, losses = encode_dc(splats.sh[:, 0])
    alphas, gone = encode_alpha(splats.opacity_logits)
    scales = np.exp(splats.log_scales)
    if level > 0:
        high, low = _HALF
        losses += count_outside("scales outside the range of half floats", scales, low, high)
        scales = np.clip(scales, low, high)
    rows["mean"] = means
    rows["scale"] = scales.astype(number)
    rows["quat"] = unit_quats(splats.quats).astype(number)
    rows["rgba"] = np.concatenate([colours, alphas[:, None]], axis=1)
    if splats.degree:
        values = np.concatenate([_by_channel(splats.sh[:, 1:4]), _by_channel(splats.sh[:, 4:])], 1)
        rows["sh"] = values.astype(number) if level < 2 else _sh_bytes(values, header)
    return rows, losses + gone


def _by_channel(sh: F32) -> F32:  # (n, k, 3) -> (n, 3 k), all of red first
    return sh.transpose(0, 2, 1).reshape(len(sh), 3 * sh.shape[1])


def _sh_bytes(values: F32, header: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    """Rounded to 256 levels over the range of the values, byte 128 for 0."""
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    step = max(-low / 128, high / 127) or SH_DEFAULT / 128
    header["sh_low"], header["sh_high"] = -128 * step, 127 * step
    return np.asarray(np.rint(values / np.float32(step)) + 128, np.uint8)


def _sort_into_buckets(blocks: I64) -> tuple[I64, I64]:  # (n,) -> (n,), (buckets,)
    """Order of the rows by bucket, and how many each bucket holds: the full ones come first."""
    n = len(blocks)
    order = np.argsort(blocks, kind="stable")
    starts = np.flatnonzero(np.diff(blocks[order], prepend=-1))
    counts = np.diff(starts, append=n)
    shares = -(-counts // BUCKET_SIZE)  # buckets of each block
    number = np.arange(int(shares.sum())) - np.repeat(np.cumsum(shares) - shares, shares)
    lengths = np.minimum(np.repeat(counts, shares) - number * BUCKET_SIZE, BUCKET_SIZE)
    begins = np.repeat(starts, shares) + number * BUCKET_SIZE
    rank = np.argsort(lengths < BUCKET_SIZE, kind="stable")
    lengths, begins = lengths[rank], begins[rank]
    shifts = begins - (np.cumsum(lengths) - lengths)
    return order[np.repeat(shifts, lengths) + np.arange(n)], lengths


def _fill_buckets(
    means: F32, section: npt.NDArray[np.void]
) -> tuple[bytes, I64, npt.NDArray[np.uint16]]:
    """(bucket lengths and centres, order of the rows, positions in that order).

    Space is cut into blocks; a bucket holds up to 256 Gaussians of one block. Full buckets come
    first. Blocks are of 5 units a side, smaller where the scene is.
    """
    n = len(means)
    points = means.astype(np.float64)
    low = points.min(axis=0) if n else np.zeros(3)
    extent = float((points.max(axis=0) - low).max()) if n else 0.0
    block = max(min(BLOCK_SIZE, extent * (1 + 1e-6)), extent / _MAX_CELLS, 1e-6)
    block = float(np.float32(block))
    cells = np.floor((points - low) / block).astype(np.int64)
    order, lengths = _sort_into_buckets((cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2])
    full = int((lengths == BUCKET_SIZE).sum())
    centres = ((cells[order[np.cumsum(lengths) - lengths]] + 0.5) * block + low).astype(np.float32)
    section["bucket_size"], section["buckets"] = BUCKET_SIZE, len(lengths)
    section["block_size"], section["centre_bytes"] = block, CENTRE_BYTES
    section["range"] = DEFAULT_RANGE
    section["full_buckets"], section["partial_buckets"] = full, len(lengths) - full
    offsets = points[order] - np.repeat(centres, lengths, axis=0)
    levels = np.rint(offsets * (DEFAULT_RANGE / (block / 2))) + DEFAULT_RANGE
    head = lengths[full:].astype(LENGTH).tobytes() + centres.tobytes()
    return head, order, np.clip(levels, 0, 65535).astype(np.uint16)

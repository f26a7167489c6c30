# SPDX-License-Identifier: Apache-2.0
"""Sections of the `segment` profile -> Splats. Needs numpy and the byte codecs, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.opening import check_owners, check_size, open_container
from flexgs.codec.segment.head import MAX_ORIGIN, Head, read_head
from flexgs.codec.segment.streams import ChunkReader
from flexgs.codec.segment.symbols import ChunkSymbols, GroupSymbols, rows_of_band
from flexgs.codec.threads import run_chunks
from flexgs.container import Container
from flexgs.core import Splats
from flexgs.errors import Corrupt
from flexgs.limits import (
    DEFAULT_LIMITS,
    MAX_ABS_OPACITY_LOGIT,
    MAX_ABS_SH,
    MAX_LOG_SCALE,
    MIN_LOG_SCALE,
    MIN_QUAT_NORM,
    Limits,
)
from flexgs.quant.positions import dequantize_means
from flexgs.quant.rotations import fill_w
from flexgs.quant.segments import dequantize_rows

F32 = npt.NDArray[np.float32]

MAX_ABS_QUAT = 2.0  # encoders write unit quaternions


@dataclass(frozen=True, eq=False)
class _Arrays:
    """What decoding fills, chunk by chunk."""

    means: F32  # (n, d)
    log_scales: F32  # (n, d)
    quats: F32  # (n, 4)
    opacity_logits: F32  # (n, 1)
    sh: F32  # (n, k, 3)


def decode_segment(
    container: Container, payload: bytes, limits: Limits, threads: int | None
) -> Splats:
    """All Gaussians, in Morton order; `payload` is that of HEAD.

    Raises:
        FormatError: the sections are not sound.
    """
    head = open_segment(container, payload, limits)
    rest = 3 * ((head.degree + 1) ** 2 - 1)
    arrays = _Arrays(
        np.empty((head.n, head.d), np.float32),
        np.empty((head.n, head.d), np.float32),
        np.empty((head.n, 4), np.float32),
        np.empty((head.n, 1), np.float32),
        np.empty((head.n, 1 + rest // 3, 3), np.float32),
    )
    run_chunks(lambda i: _decode_chunk(container, head, i, arrays), head.chunks, threads)
    return Splats(
        arrays.means,
        arrays.log_scales,
        arrays.quats,
        arrays.opacity_logits[:, 0],
        arrays.sh,
        head.model,
    )


def open_segment(container: Container, payload: bytes, limits: Limits) -> Head:
    """The head, after all checks that need no decoding: counts, lengths, keys."""
    head = read_head(payload)
    check_size(container, head.n, head.decoded_bytes, limits)
    known: set[tuple[int, int]] = set()
    for index in range(head.chunks):
        known |= ChunkReader(container, head, index).check_sizes()
    check_owners(container, known)
    return head


def read_segment_symbols(
    data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS
) -> tuple[Head, list[ChunkSymbols]]:
    """The integers of all chunks, before dequantisation."""
    container, payload = open_container(data, limits)
    head = open_segment(container, payload, limits)
    return head, [ChunkReader(container, head, index).read() for index in range(head.chunks)]


def _decode_chunk(container: Container, head: Head, index: int, arrays: _Arrays) -> None:
    chunk = ChunkReader(container, head, index).read()
    first = int(head.bounds[head.chunk_segments[index]])
    rows = slice(first, first + len(chunk.cells))
    arrays.means[rows] = _decode_means(chunk, head)
    sh = arrays.sh[rows]
    if not len(chunk.levels) or chunk.levels.min() < head.degree:
        sh[:, 1:] = 0
    targets = {
        "log_scales": (arrays.log_scales[rows], MIN_LOG_SCALE, MAX_LOG_SCALE),
        "quats": (arrays.quats[rows, 4 - head.rotation :], -MAX_ABS_QUAT, MAX_ABS_QUAT),
        "opacity_logits": (
            arrays.opacity_logits[rows],
            -MAX_ABS_OPACITY_LOGIT,
            MAX_ABS_OPACITY_LOGIT,
        ),
        "dc": (sh[:, 0], -MAX_ABS_SH, MAX_ABS_SH),
    }
    for part in chunk.groups:
        band = part.group.band
        if band:
            _decode_band(part, chunk, sh)
        else:
            target, low, high = targets[part.group.name]
            _decode_rows(part, target)
            _clamp(target, low, high)
    if head.rotation == 3:
        fill_w(arrays.quats[rows])
    _repair_quats(arrays.quats[rows])


def _decode_means(chunk: ChunkSymbols, head: Head) -> F32:
    grid = chunk.cells + head.origin
    if grid.size and max(int(grid.max()), -int(grid.min())) > 2 * MAX_ORIGIN:
        raise Corrupt("a position is beyond the grid", section="means", expected=2 * MAX_ORIGIN)
    return dequantize_means(grid, head.frame, head.plan.means)


def _decode_rows(part: GroupSymbols, target: F32) -> None:  # target (rows, c)
    for i in range(len(part.bounds) - 1):
        start, stop = part.bounds[i], part.bounds[i + 1]
        target[start:stop] = dequantize_rows(part.symbols[:, start:stop], part.ranges, i)


def _decode_band(part: GroupSymbols, chunk: ChunkSymbols, sh: F32) -> None:  # sh (rows, k, 3)
    band = part.group.band
    target = sh.reshape(len(sh), -1)[:, 3 * band * band : 3 * (band + 1) ** 2]
    used = rows_of_band(chunk.levels, band)
    for i in range(len(part.bounds) - 1):
        start, stop = part.bounds[i], part.bounds[i + 1]
        values = dequantize_rows(part.symbols[:, start:stop], part.ranges, i)
        _clamp(values, -MAX_ABS_SH, MAX_ABS_SH)
        rows = slice(start, stop) if isinstance(used, slice) else used[start:stop]
        target[rows] = values


def _clamp(values: F32, low: float, high: float) -> None:
    """Rounding may step over a legal bound, and a hostile file anywhere."""
    if values.size and not (values.min() >= low and values.max() <= high):
        np.clip(values, np.float32(low), np.float32(high), out=values)


def _repair_quats(quats: F32) -> None:  # (rows, 4)
    """A quaternion that was quantised to nothing becomes the identity."""
    w, x, y, z = quats.T
    with np.errstate(over="ignore"):
        squares = w * w + x * x + y * y + z * z
    lost = ~((squares > MIN_QUAT_NORM**2) & np.isfinite(squares))
    if lost.any():
        quats[lost] = (1, 0, 0, 0)

# SPDX-License-Identifier: Apache-2.0
"""The bytes of a `.fgs` file -> Splats. Needs numpy and the byte codecs, nothing else."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.head import MAX_ORIGIN, Head, read_head
from flexgs.codec.kinds import HEAD, KNOWN_KINDS, METADATA, PADDING
from flexgs.codec.streams import ChunkReader
from flexgs.codec.symbols import ChunkSymbols, GroupSymbols, rows_of_band
from flexgs.container import RATIO_SLACK_BYTES, Container, unpack
from flexgs.core import Splats
from flexgs.errors import Corrupt, TooLarge
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


def decode_splats(data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS) -> Splats:
    """All Gaussians, in Morton order. Every checksum is checked before anything is allocated.

    Raises:
        FormatError: the file is truncated, corrupt, too new or too large (Truncated, Corrupt,
            Unsupported, TooLarge), with section and offset.
    """
    container, head = open_file(data, limits)
    rest = 3 * ((head.degree + 1) ** 2 - 1)
    arrays = _Arrays(
        np.empty((head.n, head.d), np.float32),
        np.empty((head.n, head.d), np.float32),
        np.empty((head.n, 4), np.float32),
        np.empty((head.n, 1), np.float32),
        np.empty((head.n, 1 + rest // 3, 3), np.float32),
    )
    _decode_chunks(container, head, arrays)
    return Splats(
        arrays.means,
        arrays.log_scales,
        arrays.quats,
        arrays.opacity_logits[:, 0],
        arrays.sh,
        head.model,
    )


def _decode_chunks(container: Container, head: Head, arrays: _Arrays) -> None:
    if head.chunks == 1:
        _decode_chunk(container, head, 0, arrays)
        return
    with ThreadPoolExecutor(min(head.chunks, 8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(lambda i: _decode_chunk(container, head, i, arrays), range(head.chunks)):
            pass  # raises what a chunk raised


def open_file(data: bytes | memoryview, limits: Limits) -> tuple[Container, Head]:
    """Container and head, after all checks that need no decoding: CRCs, counts, lengths, keys."""
    container = unpack(data, KNOWN_KINDS, limits)
    for entry in container.entries:
        container.stored(entry)
    head = read_head(container.read(container.require(HEAD, 0)))
    allowed = limits.max_ratio * len(container.data) + RATIO_SLACK_BYTES
    if head.n > limits.max_gaussians or head.decoded_bytes > min(limits.max_raw_bytes, allowed):
        raise TooLarge(
            "the scene is too large",
            section="head",
            expected=f"at most {limits.max_gaussians} Gaussians and {allowed} decoded bytes",
            found=f"{head.n} Gaussians, {head.decoded_bytes} bytes",
            hint="raise the limits only for a file you trust",
        )
    known = {(0, HEAD), (0, METADATA), (0, PADDING)}
    for index in range(head.chunks):
        known |= ChunkReader(container, head, index).check_sizes()
    for entry in container.entries:
        if entry.kind in KNOWN_KINDS and (entry.index, entry.kind) not in known:
            raise Corrupt("a section that belongs to nothing", section=entry.name)
    return container, head


def read_symbols(
    data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS
) -> tuple[Head, list[ChunkSymbols]]:
    """The integers of all chunks, before dequantisation."""
    container, head = open_file(data, limits)
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

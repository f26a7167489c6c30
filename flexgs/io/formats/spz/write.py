# SPDX-License-Identifier: Apache-2.0
"""A scene -> SPZ bytes."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.morton import MORTON_BITS, morton_codes
from flexgs.errors import SceneError, UsageError
from flexgs.io.formats.losses import Encoded, Loss
from flexgs.io.formats.spz.layout import (
    ANTIALIASED,
    BLOCKS,
    HEADER,
    MAX_FRACTIONAL_BITS,
    PLAIN_TAIL,
    PLAIN_VERSION,
    TOC_ENTRY,
    WRITTEN_VERSIONS,
    Header,
)
from flexgs.io.formats.spz.packing import POSITION_MAX, Precision, merge_losses, pack_rows
from flexgs.io.formats.spz.streams import deflate_piece, join_gzip, run_jobs, zstd_frame

F32 = npt.NDArray[np.float32]

# zlib's level and strategy by block, measured on bonsai: opacities, scales and rotations hardly
# repeat, and a higher level than 5 takes SH twice the time for 1 % of the file.
_RUNS, _MATCHES = (6, zlib.Z_RLE), (6, zlib.Z_DEFAULT_STRATEGY)
_DEFLATE = (_MATCHES, _RUNS, _MATCHES, _RUNS, _RUNS, (5, zlib.Z_FILTERED))
_SLICE_ROWS = 1 << 15  # packed by one thread in one go
_MAX_DEGREE = 3
_MAX_STEP = 64
_SMALL = 0.1  # quantile of the sizes

# SH in smaller files than the reference's steps of 8 and 16, and 2 dB better on bonsai; positions
# err less than all other numbers.
USUAL = Precision()
# Fine to coarse. On bonsai (74,433 Gaussians left) each part's squared error a saved byte is alike
# within a row, and about three times the row before's.
PRECISIONS = (
    Precision(sh=4, quats=2),
    Precision(sh=5, positions=0.25, alphas=3, colours=2, quats=4),
    Precision(sh=6, positions=0.5, alphas=3, colours=4, scales=2, quats=8),
    Precision(sh=10, positions=1.0, alphas=3, colours=5, scales=3, quats=16),
    Precision(sh=16, positions=2.0, alphas=5, colours=8, scales=4, quats=24),
)


def choose_fractional_bits(means: F32, log_scales: F32, step: float = 0.125) -> int:
    """As many as steps of such a part of the small sizes need, but no more than leave the extent
    its range.

    Args:
        means: (n, 3).
        log_scales: (n, 3).
        step: largest part of the 10 % quantile of the middle sizes.

    >>> choose_fractional_bits(np.full((1, 3), 1000.0), np.log(np.full((1, 3), 0.01)))
    10
    >>> choose_fractional_bits(np.full((1, 3), 5000.0), np.log(np.full((1, 3), 0.001)))
    10
    """
    if not len(means):
        return 0
    # of the middle axis: the thickness of flat Gaussians would ask for bits that nobody sees
    x, y, z = np.ascontiguousarray(log_scales.T)  # numpy is 20 times slower along rows of three
    middle = x + y + z - np.maximum(np.maximum(x, y), z) - np.minimum(np.minimum(x, y), z)
    small = float(np.quantile(middle, _SMALL))
    wanted = np.ceil((-np.log(step) - small) / np.log(2))
    most = max(float(np.abs(means).max()), float(np.finfo(np.float32).tiny))
    reaching = np.floor(np.log2(POSITION_MAX / most))
    return int(np.clip(min(wanted, reaching), 0, MAX_FRACTIONAL_BITS))


def _morton_order(means: F32) -> npt.NDArray[np.intp]:  # (n, 3) -> (n,)
    """Neighbours in space become neighbours in the file, which gzip and zstd make use of."""
    if not len(means):
        return np.zeros(0, np.intp)
    columns = np.ascontiguousarray(means.T)  # numpy is 20 times slower along rows of three
    low = columns.min(axis=1, keepdims=True)
    extent = float((columns.max(axis=1, keepdims=True) - low).max()) or 1.0
    cells = (columns - low) * np.float32(((1 << MORTON_BITS) - 1) / extent)
    return np.argsort(morton_codes(cells.astype(np.int64).T), kind="stable")


def write_spz(splats: Splats, version: int = 3, precision: Precision = USUAL) -> Encoded:
    """An SPZ file in the scene's own axes, as the reference's tool and splat-transform write it.

    The Gaussians come in Morton order.

    Args:
        splats: valid 3-D Gaussians of SH degree 0 to 3; of models, 3dgs and mip can be said.
        version: 2, which most software reads; 3, with better rotations; 4, the smallest.
        precision: `USUAL`, or one of PRECISIONS, which go from fine to coarse and small.

    Raises:
        UsageError: another version, or steps that are not 1..64. SceneError: not 3-D, or degree 4.
    """
    if version not in WRITTEN_VERSIONS:
        raise UsageError(
            "no such version of SPZ can be written", expected="2, 3 or 4", found=version
        )
    p = precision
    steps = (p.sh, p.alphas, p.colours, p.scales, p.quats)
    if min(steps) < 1 or max(steps) > _MAX_STEP or p.positions <= 0:
        raise UsageError("not the steps of an SPZ", expected=f"1..{_MAX_STEP}", found=precision)
    if splats.d != 3 or splats.degree > _MAX_DEGREE:
        raise SceneError(
            "an .spz holds 3-D Gaussians with spherical harmonics of degree 0 to 3",
            found=f"{splats.d}-D, degree {splats.degree}",
        )
    order = _morton_order(splats.means)
    bits = choose_fractional_bits(splats.means, splats.log_scales, precision.positions)
    flags = ANTIALIASED if splats.model == "mip" else 0
    streams = len(BLOCKS) if splats.degree else len(BLOCKS) - 1
    last = streams if version == PLAIN_VERSION else 0
    header = Header(version, splats.n, splats.degree, bits, flags, last).pack()

    def pack_slice(start: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...], list[Loss]]:
        rows = splats.select(order[start : start + _SLICE_ROWS])
        raw, losses = pack_rows(rows, version, bits, precision)
        if version == PLAIN_VERSION:
            return raw, (), losses
        packed = [deflate_piece(block, *how) for block, how in zip(raw, _DEFLATE, strict=True)]
        return raw, tuple(packed), losses

    slices = run_jobs(pack_slice, range(0, splats.n, _SLICE_ROWS))
    losses = merge_losses([loss for _, _, found in slices for loss in found])
    if version == PLAIN_VERSION:
        blocks = [b"".join(raw[i] for raw, _, _ in slices) for i in range(streams)]
        return Encoded(_plain(header, blocks), losses)
    pieces = [(header, deflate_piece(header, *_DEFLATE[0]))]
    for i in range(streams):
        pieces += [(raw[i], packed[i]) for raw, packed, _ in slices]
    return Encoded(join_gzip(pieces), losses)


def _plain(header: bytes, blocks: list[bytes]) -> bytes:
    packed = run_jobs(zstd_frame, blocks)
    table = b"".join(
        TOC_ENTRY.pack(len(stored), len(raw)) for stored, raw in zip(packed, blocks, strict=True)
    )
    return b"".join([header, PLAIN_TAIL.pack(HEADER.size + PLAIN_TAIL.size), table, *packed])

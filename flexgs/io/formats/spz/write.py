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
from flexgs.io.formats.spz.packing import POSITION_MAX, Steps, merge_losses, pack_rows
from flexgs.io.formats.spz.streams import deflate_piece, join_gzip, run_jobs, zstd_frame

F32 = npt.NDArray[np.float32]

# zlib's level and strategy by block, measured on bonsai: opacities, scales and rotations hardly
# repeat, and a higher level than 5 takes SH twice the time for 1 % of the file.
_RUNS, _MATCHES = (6, zlib.Z_RLE), (6, zlib.Z_DEFAULT_STRATEGY)
_DEFLATE = (_MATCHES, _RUNS, _MATCHES, _RUNS, _RUNS, (5, zlib.Z_FILTERED))
_SLICE_ROWS = 1 << 15  # packed by one thread in one go
_MAX_DEGREE = 3
_MAX_SH_STEP = 64
_SMALL = 0.1  # quantile of the sizes
_STEPS_A_SIZE = 8  # of positions: the error they make is then below that of the other numbers
_SH_STEP = 10  # of 256; on bonsai smaller files than the reference's 8 and 16, and 2 dB better


def choose_fractional_bits(means: F32, log_scales: F32) -> int:  # (n, 3), (n, 3)
    """As many as an eighth of the small sizes needs, but no more than leave the extent its range.

    >>> choose_fractional_bits(np.full((1, 3), 1000.0), np.log(np.full((1, 3), 0.01)))
    10
    >>> choose_fractional_bits(np.full((1, 3), 5000.0), np.log(np.full((1, 3), 0.001)))
    10
    """
    if not len(means):
        return 0
    # of the middle axis: the thickness of flat Gaussians would ask for bits that nobody sees
    middle = log_scales.sum(axis=1) - log_scales.max(axis=1) - log_scales.min(axis=1)
    small = float(np.quantile(middle, _SMALL))
    wanted = np.ceil((np.log(_STEPS_A_SIZE) - small) / np.log(2))
    most = max(float(np.abs(means).max()), float(np.finfo(np.float32).tiny))
    reaching = np.floor(np.log2(POSITION_MAX / most))
    return int(np.clip(min(wanted, reaching), 0, MAX_FRACTIONAL_BITS))


def _morton_order(means: F32) -> npt.NDArray[np.intp]:  # (n, 3) -> (n,)
    """Neighbours in space become neighbours in the file, which gzip and zstd make use of."""
    if not len(means):
        return np.zeros(0, np.intp)
    low = means.min(axis=0)
    extent = float((means.max(axis=0) - low).max()) or 1.0
    cells = (means - low) * np.float32(((1 << MORTON_BITS) - 1) / extent)
    return np.argsort(morton_codes(cells.astype(np.int64)), kind="stable")


def write_spz(splats: Splats, version: int = 3, sh_step: int = _SH_STEP) -> Encoded:
    """An SPZ file in the scene's own axes, as the reference's tool and splat-transform write it.

    The Gaussians come in Morton order.

    Args:
        splats: valid 3-D Gaussians of SH degree 0 to 3; of models, 3dgs and mip can be said.
        version: 2, which most software reads; 3, with better rotations; 4, the smallest.
        sh_step: SH above degree 0 are whole numbers of steps of sh_step/128; 1 is the finest.

    Raises:
        UsageError: another version, or a step that is not 1..64. SceneError: not 3-D, or degree 4.
    """
    if version not in WRITTEN_VERSIONS:
        raise UsageError(
            "no such version of SPZ can be written", expected="2, 3 or 4", found=version
        )
    if not 1 <= sh_step <= _MAX_SH_STEP:
        raise UsageError("not a step for SH", expected=f"1..{_MAX_SH_STEP} of 256", found=sh_step)
    if splats.d != 3 or splats.degree > _MAX_DEGREE:
        raise SceneError(
            "an .spz holds 3-D Gaussians with spherical harmonics of degree 0 to 3",
            found=f"{splats.d}-D, degree {splats.degree}",
        )
    order = _morton_order(splats.means)
    bits = choose_fractional_bits(splats.means, splats.log_scales)
    steps = Steps(version, bits, sh_step)
    flags = ANTIALIASED if splats.model == "mip" else 0
    streams = len(BLOCKS) if splats.degree else len(BLOCKS) - 1
    last = streams if version == PLAIN_VERSION else 0
    header = Header(version, splats.n, splats.degree, bits, flags, last).pack()

    def pack_slice(start: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...], list[Loss]]:
        raw, losses = pack_rows(splats.select(order[start : start + _SLICE_ROWS]), steps)
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

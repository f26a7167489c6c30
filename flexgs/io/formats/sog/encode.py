# SPDX-License-Identifier: Apache-2.0
"""Gaussians -> the bytes of SOG's pictures; every value is rounded to the nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.core.activations import sigmoid
from flexgs.core.rotations import normalize_quats
from flexgs.io.formats.losses import Loss
from flexgs.io.formats.sog.bounds import STEPS
from flexgs.io.formats.sog.codebook import fit_codebook, nearest
from flexgs.io.formats.sog.meta import MAX_PALETTE
from flexgs.io.formats.sog.palette import grow_tree, refine

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

_LLOYD_STEPS = 3  # bonsai, 8,192 entries, error: 0 steps 0.101, 3 steps 0.0763, 8 steps 0.0751
_BITS_OF_LEVEL = 0.75  # stored bits a bit of a codebook's index, about, after WebP
_FAR_SCALE = 0.1  # a tenth: scales that a codebook misses by more are reported


@dataclass(frozen=True)
class Precision:
    """How finely a file holds its values. The defaults are the finest that SOG can say.

    Coarser pictures hold fewer different bytes, which lossless WebP turns into fewer bytes.
    """

    mean_bits: int = 16
    quat_bits: int = 8
    alpha_bits: int = 8
    scale_levels: int = 256
    dc_levels: int = 256
    sh_levels: int = 256
    palette: int = MAX_PALETTE  # most entries of the palette of view-dependent colours
    thrift: float = 0.0  # what an entry must gain a bit, in units of the last bit of DC


# Fine to coarse. From the second on, on bonsai, each part's squared error a saved byte is alike
# within a row, and about four times the row before's.
PRECISIONS = (
    Precision(),
    Precision(thrift=1),
    Precision(16, 7, 8, 128, 128, 128, thrift=1),
    Precision(15, 6, 7, 64, 64, 64, thrift=1),
    Precision(14, 5, 6, 40, 32, 32, thrift=1),
)


@dataclass(frozen=True, eq=False)
class Coded:
    """Bytes of one picture's pixels, its codebook, and what was lost."""

    rows: U8  # (n, 1 to 4)
    book: F32  # (256,)
    error: float  # weighted, squared, summed
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, eq=False)
class CodedRest:
    """Spherical harmonics beyond DC: the palette's bytes, its codebook, and everybody's entry."""

    palette: U8  # (entries, coefficients, 3)
    book: F32  # (256,)
    labels: npt.NDArray[np.int64]  # (n,)
    losses: tuple[Loss, ...]


def encode_means(
    logs: F64, mins: F64, maxs: F64, bits: int
) -> tuple[npt.NDArray[np.int64], F64, tuple[Loss, ...]]:
    """((n, 3) steps of 0 to 65535, (3,) maxs to store, losses) of log positions."""
    stride = 1 << (16 - bits)
    last = STEPS + 1 - stride  # the coarser grid ends earlier, and the range is stretched for it
    span = maxs - mins
    inside = np.clip(logs, mins, maxs)
    steps = np.rint((inside - mins) / np.where(span > 0, span, 1) * (last / stride))
    outside = (inside != logs).any(axis=1)
    losses: tuple[Loss, ...] = ()
    if outside.any():
        where = logs[outside]
        worst = float(np.expm1(np.abs(where)).max())
        what = "positions far outside were moved to the end of the range"
        losses = (Loss(what, int(outside.sum()), worst),)
    return steps.astype(np.int64) * stride, mins + span * (STEPS / last), losses


def encode_quats(quats: F32, bits: int) -> U8:  # (n, 4) wxyz -> (n, 4)
    """The three smallest components, and 252 + which of w, x, y, z is the largest."""
    unit = normalize_quats(quats)
    largest = np.abs(unit).argmax(axis=1)
    rows = np.arange(len(unit))
    unit = unit * np.where(unit[rows, largest] < 0, -1, 1).astype(np.float32)[:, None]
    small = unit[np.arange(4) != largest[:, None]].reshape(-1, 3)
    stride = 1 << (8 - bits)
    levels = np.rint((small * np.sqrt(0.5) + 0.5) * (255 / stride)) * stride
    packed = np.empty((len(unit), 4), np.uint8)
    packed[:, :3] = np.clip(levels, 0, 256 - stride)
    packed[:, 3] = 252 + largest
    return packed


def encode_alphas(logits: F32, bits: int) -> Coded:  # (n,) -> rows (n, 1)
    """Opacities as bytes."""
    alphas = sigmoid(logits)
    last = (1 << bits) - 1
    rows = np.rint(np.rint(alphas * last) * (255 / last)).astype(np.uint8)
    gone = (rows == 0) & (alphas > 0)
    what = "opacities too small for a byte became 0"
    losses = (Loss(what, int(gone.sum()), float(alphas[gone].max())),) if gone.any() else ()
    return Coded(rows[:, None], np.zeros(0, np.float32), 0.0, losses)


def encode_scales(log_scales: F32, weights: F32, levels: int) -> Coded:  # (n, 2 or 3), (n,)
    """Scales as indices of one codebook; two scales get a flat third one."""
    coded, errors = _encode_by_book(log_scales, weights, levels)
    off = (np.abs(errors) > _FAR_SCALE).any(axis=1)
    losses: tuple[Loss, ...] = ()
    if off.any():
        worst = float(np.exp(np.abs(errors).max()))
        losses = (Loss("scales off by more than a tenth (worst: factor)", int(off.sum()), worst),)
    rows = coded.rows
    if rows.shape[1] == 2:
        rows = np.concatenate([rows, np.zeros_like(rows[:, :1])], axis=1)
    return Coded(rows, coded.book, coded.error, losses)


def encode_dc(dc: F32, weights: F32, levels: int) -> Coded:  # (n, 3), (n,)
    """Colours as indices of one codebook."""
    return _encode_by_book(dc, weights, levels)[0]


def _encode_by_book(values: F32, weights: F32, levels: int) -> tuple[Coded, F32]:
    book = fit_codebook(values.reshape(-1), np.repeat(weights, values.shape[1]), levels)
    rows = nearest(book, values)
    errors = book[rows] - values
    total = float(np.einsum("i,ij,ij->", weights, errors, errors, dtype=np.float64))
    return Coded(rows, book, total), errors


def encode_rest(rest: F32, weights: F32, precision: Precision, dc_error: float) -> CodedRest:
    """A palette of the coefficients beyond DC, as large as pays.

    It grows until its error is that of DC. With thrift 1, an entry more must also lower the error
    by as much a stored bit as the last bit of DC did: that bit took the error of DC from four times
    `dc_error` to it. (Spherical harmonics are orthonormal, so both errors are squared colours.)

    Args:
        rest: (n, coefficients, 3).
        weights: (n,) importance.
        precision: levels and the largest palette.
        dc_error: weighted squared error that the codebook of DC leaves.
    """
    n = len(rest)
    rows = np.ascontiguousarray(rest.reshape(n, -1))
    tree = grow_tree(rows, weights, min(precision.palette, n))
    entry_bits = rows.shape[1] * np.log2(precision.sh_levels) * _BITS_OF_LEVEL
    worth = precision.thrift * dc_error / n * entry_bits
    # the best gain still to come: a split may gain nothing, and the ones behind it much
    gains = np.maximum.accumulate((tree.errors[:-1] - tree.errors[1:])[::-1])[::-1]
    pays = (gains >= worth) & (tree.errors[:-1] > dc_error)
    size = 1 + int(np.count_nonzero(pays))
    palette, labels = refine(rows, weights, tree, size, _LLOYD_STEPS)
    shares = np.bincount(labels, weights).astype(np.float32)
    book = fit_codebook(
        palette.reshape(-1), np.repeat(shares, palette.shape[1]), precision.sh_levels
    )
    coded = nearest(book, palette)
    apart = np.abs(book[coded[labels]] - rows).max(axis=1)
    off = int((apart > 0).sum())
    what = f"view-dependent colours rounded to a palette of {len(palette)}"
    losses = (Loss(what, off, float(apart.max())),) if off else ()
    return CodedRest(coded.reshape(len(palette), -1, 3), book, labels, losses)

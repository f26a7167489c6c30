# SPDX-License-Identifier: Apache-2.0
"""Ways to store an image's Gaussians, at the same Gaussians: bits each, and what they cost in dB.

One float fit is stored by every way at several strengths, without training and without sweeps, so
that only the quantisers differ. Bits of the first way are those of real payloads; those of ways
that have no file here are zero-order entropies of their symbols and the places, codebooks and
tables included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.image.coding.stream import canonical, encode_stream
from flexgs.image.coding.symbols import (
    QUALITY_CLASSES,
    Plan,
    dequantise,
    from_luma,
    quantise,
    to_luma,
)
from flexgs.image.encode.press import picture_psnr, plan_for
from flexgs.image.model import ImageSplats

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Stored = tuple[ImageSplats, float]  # as decoded, bits a Gaussian
Way = Callable[[ImageSplats, Plan, float], Stored]  # Gaussians, what suits them, strength

STRENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)  # of the steps
COMPARED_BITS = 32.0
ENTRIES = 256  # of a codebook


@dataclass(frozen=True)
class QuantiserRow:
    """One way on one image."""

    image: str
    way: str
    bits: tuple[float, ...]  # a Gaussian, ascending
    psnr: tuple[float, ...]  # dB at those
    loss: float | None  # dB under floats at COMPARED_BITS; None where that is out of reach


def measure_quantisers(
    name: str, image: F32, splats: ImageSplats, psnr: float
) -> list[QuantiserRow]:
    """All ways for fitted Gaussians of an image in RGB; nothing for other images.

    Args:
        psnr: dB of the Gaussians as floats.
    """
    if splats.channels != 3 or splats.opacities is not None:
        return []
    plan = plan_for(image, psnr, splats.n)
    rows = []
    for way, store in WAYS.items():
        stored = [store(splats, plan, strength) for strength in STRENGTHS]
        points = sorted((bits, picture_psnr(image, shown)) for shown, bits in stored)
        bits, quality = zip(*points, strict=True)
        inside = bits[0] <= COMPARED_BITS <= bits[-1]
        loss = psnr - float(np.interp(COMPARED_BITS, bits, quality)) if inside else None
        rows.append(QuantiserRow(name, way, bits, quality, loss))
    return rows


def _entropy(symbols: F64) -> float:
    """Bits a symbol, and the table that would tell the counts (8 bits an entry)."""
    _, counts = np.unique(symbols, return_counts=True, axis=0)
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum() + 8 * len(counts) / counts.sum())


def _polar(splats: ImageSplats) -> F64:
    """(n, 3): log2 of both axes, angle."""
    l11, l21, l22 = splats.cholesky.T.astype(np.float64)
    half, cross = 0.5 * (l11**2 - l21**2 - l22**2), l11 * l21
    longer = 0.5 * (l11**2 + l21**2 + l22**2) + np.hypot(half, cross)
    long = 0.5 * np.log2(longer)
    return np.stack([long, np.log2(l11 * l22) - long, 0.5 * np.arctan2(cross, half)], axis=1)


def _from_polar(shape: F64) -> F64:
    """Cholesky factors (n, 3)."""
    long, short = np.exp2(2 * shape[:, 0]), np.exp2(2 * shape[:, 1])
    c, s = np.cos(shape[:, 2]), np.sin(shape[:, 2])
    l11 = np.sqrt(long * c * c + short * s * s)
    return np.stack([l11, (long - short) * c * s / l11, np.sqrt(long * short) / l11], axis=1)


def _placed(splats: ImageSplats, step: float) -> tuple[F64, float]:
    """Means on a grid of `step` pixels, and bits: those of a set of grid points."""
    grid = np.floor(splats.means / step)
    cells = splats.width * splats.height / step**2
    n = splats.n
    bits = np.log2(cells) - np.log2(np.arange(1, n + 1)).sum() / n
    return (grid + 0.5) * step, float(bits)


def _rebuilt(splats: ImageSplats, means: F64, cholesky: F64, luma: F64) -> ImageSplats:
    l11, l22 = np.maximum(cholesky[:, 0], 0.1), np.maximum(cholesky[:, 2], 0.1)
    factors = np.stack([l11, cholesky[:, 1], l22], axis=1)
    return replace(
        splats,
        means=means.astype(np.float32),
        cholesky=factors.astype(np.float32),
        colors=from_luma(luma).astype(np.float32),
    )


def _coarser(plan: Plan, strength: float) -> Plan:
    return replace(plan, quality=plan.quality + round(QUALITY_CLASSES * math.log2(strength)))


def _tied(splats: ImageSplats, plan: Plan, strength: float) -> Stored:
    """As files have it: steps that follow from the amplitude; a real payload."""
    own = _coarser(plan, strength)
    symbols = canonical(own, quantise(own, splats))
    return dequantise(own, symbols), 8 * len(encode_stream(own, symbols)) / splats.n


def _uniform_log(splats: ImageSplats, plan: Plan, strength: float) -> Stored:
    """One step an attribute: colours and angles uniform, scales in the logarithm."""
    means, bits = _placed(splats, 1.0 * strength)
    shape, luma = _polar(splats), to_luma(splats.colors)
    steps = np.array([0.2, 0.2, np.pi / 16]) * strength
    codes = np.round(shape / steps)
    codes[:, 2] %= max(1, round(np.pi / steps[2]))
    colours = np.round(luma / (0.06 * strength))
    bits += sum(_entropy(column) for column in (*codes.T, *colours.T))
    return _rebuilt(splats, means, _from_polar(codes * steps), colours * 0.06 * strength), bits


def _uniform_cholesky(splats: ImageSplats, plan: Plan, strength: float) -> Stored:
    """One step an attribute, the factors of the covariance uniform (6 bits in GaussianImage)."""
    means, bits = _placed(splats, 1.0 * strength)
    codes = np.round(splats.cholesky / (0.5 * strength))
    codes[:, ::2] = np.maximum(codes[:, ::2], 1)
    colours = np.round(to_luma(splats.colors) / (0.06 * strength))
    bits += sum(_entropy(column) for column in (*codes.T, *colours.T))
    return _rebuilt(splats, means, codes * 0.5 * strength, colours * 0.06 * strength), bits


def _learned(splats: ImageSplats, plan: Plan, strength: float) -> Stored:
    """One learned step an attribute: each is the geometric mean of the steps of `tied`."""
    own = _coarser(plan, strength)
    size = 0.5 * np.log2(splats.cholesky[:, 0] * splats.cholesky[:, 2]).astype(np.float64)
    amplitude = to_luma(splats.colors) * (np.sqrt(np.pi) * np.exp2(size))[:, None]
    colour = np.round(amplitude / own.step)
    strengths = np.exp2(np.log2(np.maximum(np.linalg.norm(colour, axis=1), 1)).mean())
    shape = _polar(splats)
    flat = np.stack([0.5 * (shape[:, 0] + shape[:, 1]), shape[:, 0] - shape[:, 1]], axis=1)
    steps = np.log2(np.e) / strengths * np.array([1.0, 2.0])
    codes = np.round(flat / steps)
    rho = np.exp2(np.median(flat[:, 1]))
    turn = 2 / (strengths * max(rho - 1 / rho, 0.1))
    angles = np.round(shape[:, 2] / turn) % max(1, round(np.pi / turn))
    means, bits = _placed(splats, np.sqrt(2) * np.exp2(size.mean()) / strengths)
    bits += sum(_entropy(column) for column in (*codes.T, angles, *colour.T))
    kept = codes * steps
    stored = np.stack([kept[:, 0] + kept[:, 1] / 2, kept[:, 0] - kept[:, 1] / 2, angles * turn], 1)
    luma = colour * own.step / (np.sqrt(np.pi) * np.exp2(kept[:, 0]))[:, None]
    return _rebuilt(splats, means, _from_polar(stored), luma), bits


def _vector(values: F64, stages: int, entries: int) -> tuple[F64, float]:
    """Residual vector quantisation by k-means++: what is stored, bits a row with codebooks."""
    from scipy.cluster.vq import kmeans2

    left, stored, bits = values.copy(), np.zeros_like(values), 0.0
    for stage in range(stages):
        size = min(entries, len(np.unique(left, axis=0)) // 2)
        book, index = kmeans2(left, size, minit="++", seed=stage, iter=15)
        stored += book[index]
        left -= book[index]
        bits += _entropy(index) + 16 * book.size / len(values)
    return stored, bits


def _colour_vq(splats: ImageSplats, plan: Plan, strength: float) -> Stored:
    """As `uniform_log`, colours by two stages of residual vector quantisation."""
    means, bits = _placed(splats, 1.0 * strength)
    steps = np.array([0.2, 0.2, np.pi / 16]) * strength
    codes = np.round(_polar(splats) / steps)
    codes[:, 2] %= max(1, round(np.pi / steps[2]))
    bits += sum(_entropy(column) for column in codes.T)
    luma, more = _vector(to_luma(splats.colors), 2, max(4, round(48 / strength)))
    return _rebuilt(splats, means, _from_polar(codes * steps), luma), bits + more


def _whole_vq(splats: ImageSplats, plan: Plan, strength: float) -> Stored:
    """All but the place as one vector: stages of 256 entries by k-means++ and residuals."""
    means, bits = _placed(splats, 1.0 * strength)
    shape, luma = _polar(splats), to_luma(splats.colors)
    size, ratio = shape[:, :2].mean(axis=1), shape[:, 0] - shape[:, 1]
    turn = 2 * shape[:, 2]
    amplitude = luma * np.exp2(size)[:, None]
    parts = [size, ratio * np.cos(turn), ratio * np.sin(turn), *(amplitude.T / 2)]
    stored, more = _vector(np.stack(parts, axis=1), 3 if strength < 1 else 2, ENTRIES)
    ratio = np.hypot(stored[:, 1], stored[:, 2])
    axes = np.stack([stored[:, 0] + ratio / 2, stored[:, 0] - ratio / 2], axis=1)
    angle = 0.5 * np.arctan2(stored[:, 2], stored[:, 1])
    luma = 2 * stored[:, 3:] / np.exp2(stored[:, 0])[:, None]
    cholesky = _from_polar(np.concatenate([axes, angle[:, None]], axis=1))
    return _rebuilt(splats, means, cholesky, luma), bits + more


WAYS: dict[str, Way] = {
    "tied steps, context coder (the file)": _tied,
    "one learned step an attribute": _learned,
    "uniform, scales in the logarithm": _uniform_log,
    "uniform Cholesky factors": _uniform_cholesky,
    "colour by residual VQ": _colour_vq,
    "whole Gaussian by VQ": _whole_vq,
}

# SPDX-License-Identifier: Apache-2.0
"""Ways to store an image's Gaussians, at the same Gaussians: bits each, and what they cost in dB.

    python benchmarks/image_quantisers.py PICTURE [--count 2000] [--steps 500]

One float fit is stored by every way at several strengths, without training and without sweeps, so
that only the quantisers differ. Bits of the first rows are real payloads; those of ways that have
no file here are zero-order entropies of their symbols plus the same cells and places, codebooks
and tables included. The last column is the loss at 32 bits a Gaussian, by interpolation.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.cluster.vq import kmeans2

from flexgs.image.coding.stream import canonical, encode_stream
from flexgs.image.coding.symbols import Plan, dequantise, quantise, to_luma
from flexgs.image.encode.press import picture_psnr, plan_for
from flexgs.image.fit import FitOptions, fit
from flexgs.image.model import ImageSplats
from flexgs.image.pixels import read_picture

F64 = np.ndarray
Point = tuple[float, float]  # bits a Gaussian, dB
BITS = 32.0
ENTRIES = 256


def entropy(symbols: F64) -> float:
    """Bits a symbol, and the table that would tell the counts (8 bits an entry)."""
    _, counts = np.unique(symbols, return_counts=True, axis=0)
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum() + 8 * len(counts) / counts.sum())


def polar(splats: ImageSplats) -> F64:
    """(n, 3): log2 of both axes, angle."""
    l11, l21, l22 = splats.cholesky.T.astype(np.float64)
    half, cross = 0.5 * (l11**2 - l21**2 - l22**2), l11 * l21
    longer = 0.5 * (l11**2 + l21**2 + l22**2) + np.hypot(half, cross)
    long = 0.5 * np.log2(longer)
    return np.stack([long, np.log2(l11 * l22) - long, 0.5 * np.arctan2(cross, half)], axis=1)


def from_polar(shape: F64) -> F64:
    """Cholesky factors (n, 3)."""
    long, short = np.exp2(2 * shape[:, 0]), np.exp2(2 * shape[:, 1])
    c, s = np.cos(shape[:, 2]), np.sin(shape[:, 2])
    l11 = np.sqrt(long * c * c + short * s * s)
    return np.stack([l11, (long - short) * c * s / l11, np.sqrt(long * short) / l11], axis=1)


def placed(splats: ImageSplats, step: float) -> tuple[F64, float]:
    """Means on a grid of `step` pixels, and bits: those of a set of grid points."""
    grid = np.floor(splats.means / step)
    cells = splats.width * splats.height / step**2
    n = splats.n
    bits = np.log2(cells) - np.log2(np.arange(1, n + 1)).sum() / n
    return (grid + 0.5) * step, float(bits)


def rebuilt(splats: ImageSplats, means: F64, cholesky: F64, luma: F64) -> ImageSplats:
    a, b, c = 1 / np.sqrt([3, 2, 6])
    across, green = b * luma[:, 1], c * luma[:, 2]
    base = a * luma[:, 0]
    colors = np.stack([base - green + across, base + 2 * green, base - green - across], axis=1)
    l11, l22 = np.maximum(cholesky[:, 0], 0.1), np.maximum(cholesky[:, 2], 0.1)
    factors = np.stack([l11, cholesky[:, 1], l22], axis=1)
    return ImageSplats(means, factors, colors, None, splats.width, splats.height)


Way = Callable[[ImageSplats, Plan, float], tuple[ImageSplats, float]]


def tied(splats: ImageSplats, plan: Plan, strength: float) -> tuple[ImageSplats, float]:
    """As files have it: steps that follow from the amplitude; a real payload."""
    own = Plan(**{**plan.__dict__, "quality": plan.quality + round(16 * np.log2(strength))})
    symbols = canonical(own, quantise(own, splats))
    return dequantise(own, symbols), 8 * len(encode_stream(own, symbols)) / splats.n


def uniform_log(splats: ImageSplats, plan: Plan, strength: float) -> tuple[ImageSplats, float]:
    """One step an attribute: colours and angles uniform, scales in the logarithm."""
    means, bits = placed(splats, 1.0 * strength)
    shape, luma = polar(splats), to_luma(splats.colors)
    steps = np.array([0.2, 0.2, np.pi / 16]) * strength
    codes = np.round(shape / steps)
    codes[:, 2] %= max(1, round(np.pi / steps[2]))
    colours = np.round(luma / (0.06 * strength))
    bits += sum(entropy(column) for column in (*codes.T, *colours.T))
    return rebuilt(splats, means, from_polar(codes * steps), colours * 0.06 * strength), bits


def uniform_cholesky(splats: ImageSplats, plan: Plan, strength: float) -> tuple[ImageSplats, float]:
    """One step an attribute, the factors of the covariance uniform (6 bits in GaussianImage)."""
    means, bits = placed(splats, 1.0 * strength)
    codes = np.round(splats.cholesky / (0.5 * strength))
    codes[:, ::2] = np.maximum(codes[:, ::2], 1)
    colours = np.round(to_luma(splats.colors) / (0.06 * strength))
    bits += sum(entropy(column) for column in (*codes.T, *colours.T))
    return rebuilt(splats, means, codes * 0.5 * strength, colours * 0.06 * strength), bits


def learned(splats: ImageSplats, plan: Plan, strength: float) -> tuple[ImageSplats, float]:
    """One learned step an attribute: each is the geometric mean of the steps of `tied`."""
    own = Plan(**{**plan.__dict__, "quality": plan.quality + round(16 * np.log2(strength))})
    size = 0.5 * np.log2(splats.cholesky[:, 0] * splats.cholesky[:, 2]).astype(np.float64)
    amplitude = to_luma(splats.colors) * (np.sqrt(np.pi) * np.exp2(size))[:, None]
    colour = np.round(amplitude / own.step)
    strengths = np.exp2(np.log2(np.maximum(np.linalg.norm(colour, axis=1), 1)).mean())
    shape = polar(splats)
    flat = np.stack([0.5 * (shape[:, 0] + shape[:, 1]), shape[:, 0] - shape[:, 1]], axis=1)
    steps = np.log2(np.e) / strengths * np.array([1.0, 2.0])
    codes = np.round(flat / steps)
    rho = np.exp2(np.median(flat[:, 1]))
    turn = 2 / (strengths * max(rho - 1 / rho, 0.1))
    angles = np.round(shape[:, 2] / turn) % max(1, round(np.pi / turn))
    means, bits = placed(splats, np.sqrt(2) * np.exp2(size.mean()) / strengths)
    bits += sum(entropy(column) for column in (*codes.T, angles, *colour.T))
    kept = codes * steps
    stored = np.stack([kept[:, 0] + kept[:, 1] / 2, kept[:, 0] - kept[:, 1] / 2, angles * turn], 1)
    luma = colour * own.step / (np.sqrt(np.pi) * np.exp2(kept[:, 0]))[:, None]
    return rebuilt(splats, means, from_polar(stored), luma), bits


def vector(values: F64, stages: int, entries: int) -> tuple[F64, float]:
    """Residual vector quantisation by k-means++: what is stored, bits a row with codebooks."""
    left, stored, bits = values.copy(), np.zeros_like(values), 0.0
    for stage in range(stages):
        size = min(entries, len(values) // 2)
        book, index = kmeans2(left, size, minit="++", seed=stage, iter=15)
        stored += book[index]
        left -= book[index]
        bits += entropy(index) + 16 * book.size / len(values)
    return stored, bits


def colour_vq(splats: ImageSplats, plan: Plan, strength: float) -> tuple[ImageSplats, float]:
    """As `uniform_log`, colours by two stages of residual vector quantisation."""
    means, bits = placed(splats, 1.0 * strength)
    steps = np.array([0.2, 0.2, np.pi / 16]) * strength
    codes = np.round(polar(splats) / steps)
    codes[:, 2] %= max(1, round(np.pi / steps[2]))
    bits += sum(entropy(column) for column in codes.T)
    luma, more = vector(to_luma(splats.colors), 2, max(4, round(48 / strength)))
    return rebuilt(splats, means, from_polar(codes * steps), luma), bits + more


def whole_vq(splats: ImageSplats, plan: Plan, strength: float) -> tuple[ImageSplats, float]:
    """All but the place as one vector: stages of 256 entries by k-means++ and residuals."""
    means, bits = placed(splats, 1.0 * strength)
    shape, luma = polar(splats), to_luma(splats.colors)
    size, ratio = shape[:, :2].mean(axis=1), shape[:, 0] - shape[:, 1]
    turn = 2 * shape[:, 2]
    amplitude = luma * np.exp2(size)[:, None]
    parts = [size, ratio * np.cos(turn), ratio * np.sin(turn), *(amplitude.T / 2)]
    stored, more = vector(np.stack(parts, axis=1), 3 if strength < 1 else 2, ENTRIES)
    ratio = np.hypot(stored[:, 1], stored[:, 2])
    axes = np.stack([stored[:, 0] + ratio / 2, stored[:, 0] - ratio / 2], axis=1)
    angle = 0.5 * np.arctan2(stored[:, 2], stored[:, 1])
    luma = 2 * stored[:, 3:] / np.exp2(stored[:, 0])[:, None]
    cholesky = from_polar(np.concatenate([axes, angle[:, None]], axis=1))
    return rebuilt(splats, means, cholesky, luma), bits + more


WAYS: dict[str, Way] = {
    "tied steps, context coder (the file)": tied,
    "one learned step an attribute": learned,
    "uniform and log": uniform_log,
    "uniform Cholesky": uniform_cholesky,
    "colour by residual VQ": colour_vq,
    "whole Gaussian by VQ": whole_vq,
}
STRENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0)


def points(way: Way, image: F64, splats: ImageSplats, plan: Plan) -> Iterator[Point]:
    """Bits and dB at all strengths."""
    for strength in STRENGTHS:
        stored, bits = way(splats, plan, strength)
        yield bits, picture_psnr(image, stored)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    image = read_picture(args.picture).values
    fitted = fit(image, FitOptions(count=args.count, steps=args.steps))
    plan = plan_for(image, fitted.psnr, fitted.splats.n)
    print(f"{fitted.splats.n} Gaussians, {fitted.psnr:.2f} dB as floats")
    print(f"| way | bits each: dB | loss at {BITS:g} bits |\n|---|---|---|")
    for name, way in WAYS.items():
        found = sorted(points(way, image, fitted.splats, plan))
        bits, quality = np.array(found).T
        shown = ", ".join(f"{b:.1f}: {q:.2f}" for b, q in found)
        inside = bits[0] <= BITS <= bits[-1]
        loss = f"{fitted.psnr - np.interp(BITS, bits, quality):.2f}" if inside else "-"
        print(f"| {name} | {shown} | {loss} |", flush=True)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Gaussians of an image <-> integers. Rows keep their order; sums do not depend on it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts.options import CODING
from flexgs.errors import SceneError
from flexgs.image.coding.steps import (
    AMPLITUDE_MAX,
    COSINES,
    OCTAVE,
    RATIO_CLASS,
    RATIO_MAX,
    SINES,
    SIZE_CLASS,
    SIZE_MAX,
    SIZE_MIN,
    angles_of,
    exp2_parts,
    place_bits,
    square_of,
    squared_cosine,
    step_of,
    strength_of,
    turn_of,
)
from flexgs.image.model import MAX_ABS_COLOR, ImageSplats

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

QUALITY_CLASSES = 16  # a plan's quality is in sixteenths of an octave
QUALITY_MIN, QUALITY_MAX = -160, 95
BIAS_MIN, BIAS_MAX = -8, 7
CELL_BITS_MAX = 7
_ROOT_PI = 1.7724538509055159  # sqrt(pi); phi = exp(-...) / (sqrt(pi) 2^size) has norm 1
_A, _B, _C = 0.5773502691896258, 0.7071067811865476, 0.4082482904638631  # 1 / sqrt(3, 2, 6)


@dataclass(frozen=True)
class Plan:
    """What integers mean: one step for amplitudes, biases of the others in quarter octaves."""

    width: int  # pixels
    height: int
    channels: int  # 1, 3 or 4
    quality: int  # the amplitude's step is Q = 2^(quality / 16), in display units times pixels
    size_bias: int = 0
    ratio_bias: int = 0
    angle_bias: int = 0
    place_bias: int = 0
    cell_bits: int = 2  # cells of 2^cell_bits pixels a side
    margin: int = 0  # cells around the image that may hold means

    @property
    def step(self) -> float:
        """Q."""
        return float(2.0 ** (self.quality / QUALITY_CLASSES))


@dataclass(frozen=True, eq=False)
class Symbols:
    """The integers of n Gaussians."""

    cells: I32  # (n, 2) x, y, counted from the corner of the margin
    amplitudes: I32  # (n, channels) luma and both chromas, then alpha
    sizes: I32  # (n,)
    ratios: I32  # (n,)
    angles: I32  # (n,)
    places: I32  # (n, 2) inside the cell

    def select(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_] | slice) -> Symbols:
        """Some rows, in the order given."""
        return Symbols(*(getattr(self, field.name)[rows] for field in fields(self)))

    def same(self, other: Symbols) -> bool:
        """Whether all integers agree."""
        names = [field.name for field in fields(self)]
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)


def empty_symbols(count: int, channels: int) -> Symbols:
    """Zeros, to be decoded into."""
    pair, flat = (count, 2), (count,)
    shapes = (pair, (count, channels), flat, flat, flat, pair)
    return Symbols(*(np.zeros(shape, np.int32) for shape in shapes))


def to_luma(colors: npt.NDArray[np.floating]) -> F64:  # (n, c) -> (n, c)
    """Orthonormal luma and chromas of RGB; grey and alpha stay as they are."""
    values = colors.astype(np.float64)
    if values.shape[1] < 3:
        return values
    red, green, blue = values[:, 0].copy(), values[:, 1].copy(), values[:, 2].copy()
    values[:, 0] = _A * (red + green + blue)
    values[:, 1] = _B * (red - blue)
    values[:, 2] = _C * (2 * green - red - blue)
    return values


def from_luma(values: F64) -> F64:
    """The inverse of `to_luma`; a product and two sums a channel, in this order."""
    if values.shape[1] < 3:
        return values
    out = values.copy()
    luma, across, green = _A * values[:, 0], _B * values[:, 1], _C * values[:, 2]
    out[:, 0] = luma - green + across
    out[:, 1] = luma + 2 * green
    out[:, 2] = luma - green - across
    return out


def quantise(plan: Plan, splats: ImageSplats, shrink: float = 0.0) -> Symbols:
    """The nearest integers, amplitudes `shrink` of a step nearer to zero before rounding.

    Raises:
        SceneError: the Gaussians are composited with opacities, which files do not hold.
    """
    if splats.opacities is not None:
        raise SceneError("a .fgi holds sums of Gaussians, not opacities", section="opacities")
    l11, l21, l22 = (splats.cholesky[:, k].astype(np.float64) for k in range(3))
    size = 0.5 * np.log2(l11 * l22)
    scaled = to_luma(splats.colors) * (_ROOT_PI * np.exp2(size) / plan.step)[:, None]
    rounded = np.sign(scaled) * np.floor(np.maximum(np.abs(scaled) + (0.5 - shrink), 0.0))
    middle, half, cross = 0.5 * (l11**2 + l21**2 + l22**2), l11**2 - l21**2 - l22**2, l11 * l21
    longer = middle + np.hypot(0.5 * half, cross)
    ratio = np.log2(longer) - 2.0 * size
    angle = 0.5 * np.arctan2(cross, 0.5 * half) / np.pi % 1.0  # of half a turn
    symbols = empty_symbols(splats.n, plan.channels)
    symbols.amplitudes[:] = np.clip(rounded, -AMPLITUDE_MAX, AMPLITUDE_MAX)
    _round_shapes(plan_integers(plan), size, ratio, angle, symbols.amplitudes,
                  symbols.sizes, symbols.ratios, symbols.angles)  # fmt: skip
    bits = bits_of_places(plan, symbols)
    border = float(plan.margin << plan.cell_bits)
    sides = np.array([plan.width, plan.height]) + 2 * border
    inside = np.clip(splats.means.astype(np.float64) + border, 0.0, sides - 2.0**-6)
    fine = np.floor(np.ldexp(inside, bits - plan.cell_bits)).astype(np.int32)
    symbols.cells[:] = fine >> bits
    symbols.places[:] = fine & ((1 << bits) - 1)
    return symbols


def dequantise(plan: Plan, symbols: Symbols) -> ImageSplats:
    """What the integers stand for: integers, tables, +, -, *, /, sqrt in doubles; then float32."""
    sizes, ratios, turns = shapes_of(plan, symbols)
    n = len(sizes)
    cosine, sine = COSINES[turns] * 2.0**-24, SINES[turns] * 2.0**-24
    longest = exp2_parts(4 * sizes + 2 * ratios)  # squares of the axes
    shortest = exp2_parts(4 * sizes - 2 * ratios)
    xx = longest * (cosine * cosine) + shortest * (sine * sine)
    l11 = np.sqrt(xx)
    l21 = (longest - shortest) * (cosine * sine) / l11
    l22 = exp2_parts(4 * sizes) / l11
    factor = exp2_parts(np.full(n, 32 * plan.quality) - 2 * sizes) / _ROOT_PI
    colors = from_luma(symbols.amplitudes * factor[:, None])
    bits = bits_of_places(plan, symbols)
    fine = (symbols.cells.astype(np.int64) << bits) + symbols.places
    means = np.ldexp(fine + 0.5, plan.cell_bits - bits) - (plan.margin << plan.cell_bits)
    cholesky = np.stack((l11, l21, l22), axis=1)
    return ImageSplats(
        means.astype(np.float32),
        cholesky.astype(np.float32),
        np.clip(colors, -MAX_ABS_COLOR, MAX_ABS_COLOR).astype(np.float32),
        None,
        plan.width,
        plan.height,
    )


def quantised(plan: Plan, splats: ImageSplats, shrink: float = 0.0) -> ImageSplats:
    """What would be decoded, in the same order: for training with quantisation."""
    return dequantise(plan, quantise(plan, splats, shrink))


def plan_integers(plan: Plan) -> I64:  # (5,)
    """Biases of size, ratio, angle and place, and the bits of cells: what kernels need."""
    biases = (plan.size_bias, plan.ratio_bias, plan.angle_bias, plan.place_bias)
    return np.array([*biases, plan.cell_bits], dtype=np.int64)


def shapes_of(plan: Plan, symbols: Symbols) -> tuple[I64, I64, I64]:
    """Sizes and ratios in 1/256 octaves, angles in parts of half a turn; all in range."""
    n = len(symbols.sizes)
    sizes, ratios, turns = (np.empty(n, np.int64) for _ in range(3))
    _derive_shapes(plan_integers(plan), symbols.amplitudes, symbols.sizes, symbols.ratios,
                   symbols.angles, sizes, ratios, turns)  # fmt: skip
    return sizes, ratios, turns


def bits_of_places(plan: Plan, symbols: Symbols) -> I32:  # (n, 2)
    """How many bits of place each axis of each Gaussian has."""
    sizes, ratios, turns = shapes_of(plan, symbols)
    bits = np.empty((len(sizes), 2), np.int32)
    _derive_bits(plan_integers(plan), symbols.amplitudes, sizes, ratios, turns, bits)
    return bits


@njit(**CODING)
def size_of(symbol: int, step: int) -> int:
    """A size in 1/256 octaves."""
    return int(min(max(symbol * step, SIZE_MIN), SIZE_MAX))


@njit(**CODING)
def ratio_of(symbol: int, step: int) -> int:
    """A ratio in 1/256 octaves."""
    return int(min(max(symbol * step, 0), RATIO_MAX))


@njit(**CODING)
def _round_shapes(
    plan: I64,
    size: F64,
    ratio: F64,
    angle: F64,
    amplitudes: I32,
    sizes: I32,
    ratios: I32,
    angles: I32,
) -> None:
    for i in range(len(size)):
        strength = strength_of(square_of(amplitudes[i]))
        step = step_of(SIZE_CLASS, plan[0], strength)
        wanted = min(max(size[i] * OCTAVE, SIZE_MIN), SIZE_MAX)
        sizes[i] = np.int64(np.floor(wanted / step + 0.5))
        step = step_of(RATIO_CLASS, plan[1], strength)
        ratios[i] = np.int64(np.floor(min(max(ratio[i] * OCTAVE, 0.0), RATIO_MAX) / step + 0.5))
        count = angles_of(plan[2], strength, ratio_of(ratios[i], step))
        angles[i] = np.int64(np.floor(angle[i] * count + 0.5)) % count


@njit(**CODING)
def _derive_shapes(
    plan: I64,
    amplitudes: I32,
    size_symbols: I32,
    ratio_symbols: I32,
    angle_symbols: I32,
    sizes: I64,
    ratios: I64,
    turns: I64,
) -> None:
    for i in range(len(sizes)):
        strength = strength_of(square_of(amplitudes[i]))
        sizes[i] = size_of(size_symbols[i], step_of(SIZE_CLASS, plan[0], strength))
        ratios[i] = ratio_of(ratio_symbols[i], step_of(RATIO_CLASS, plan[1], strength))
        turns[i] = turn_of(angle_symbols[i], angles_of(plan[2], strength, ratios[i]))


@njit(**CODING)
def _derive_bits(
    plan: I64, amplitudes: I32, sizes: I64, ratios: I64, turns: I64, bits: I32
) -> None:
    for i in range(len(sizes)):
        strength = strength_of(square_of(amplitudes[i]))
        for axis in range(2):
            squared = squared_cosine(turns[i], axis)
            bits[i, axis] = place_bits(plan[4], plan[3], strength, sizes[i], ratios[i], squared)

# SPDX-License-Identifier: Apache-2.0
"""Integers that are best for the image, by sweeps of `sweep.py`. Encoder only."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt

from flexgs.image.coding.refining.sweep import (
    AMPLITUDES,
    LEVELS,
    RATIOS,
    RESIDUALS,
    Market,
    sweep,
)
from flexgs.image.coding.steps import SIZE_CLASS, step_of, strength_of
from flexgs.image.coding.stream import canonical, expected_sizes
from flexgs.image.coding.symbols import (
    Plan,
    Symbols,
    bits_of_places,
    dequantise,
    plan_integers,
    shapes_of,
    to_luma,
)
from flexgs.image.render import render

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

FIXED_BITS = 4.0  # of a Gaussian's cell
PRICE = 0.08  # of a bit, in Q^2; ln(2) / 6 = 0.1155 where rounding alone made the error


def refine(
    plan: Plan,
    symbols: Symbols,  # in the order of files, none without amplitude
    image: F32,  # (h, w, channels)
    price: float = PRICE,
) -> Symbols:
    """Symbols after one sweep, in the order of files; fewer where some did not pay.

    Errors of one Gaussian are taken up by those after it, so that sweeps do for all values what
    feedback of errors does for some; and they go on with the fit, in steps that a file can hold.
    """
    if not len(symbols.cells):
        return symbols
    splats = dequantise(plan, symbols)
    difference = (image - render(splats)).reshape(-1, plan.channels)
    residual = to_luma(difference).astype(np.float32).reshape(image.shape)
    guesses = expected_sizes(plan, symbols)
    market = _market(plan, symbols, guesses, price)
    shapes = np.stack((*shapes_of(plan, symbols), *splats.means.T), axis=1).astype(np.float64)
    bits = bits_of_places(plan, symbols)
    shape_symbols = (symbols.sizes, symbols.ratios, symbols.angles)
    fine = (symbols.cells << bits) + symbols.places
    stored = np.stack((*shape_symbols, *fine.T, *bits.T), axis=1).astype(np.int64)
    amplitudes = symbols.amplitudes.copy()
    sweep(market, residual, guesses, shapes, amplitudes, stored)
    return canonical(plan, _unstored(symbols, amplitudes, stored))


def _unstored(symbols: Symbols, amplitudes: npt.NDArray[np.int32], stored: I64) -> Symbols:
    fine, bits = stored[:, 3:5], stored[:, 5:7]
    arrays = {
        "cells": fine >> bits,
        "amplitudes": amplitudes,
        "sizes": stored[:, 0],
        "ratios": stored[:, 1],
        "angles": stored[:, 2],
        "places": fine & ((1 << bits) - 1),
    }
    names = [field.name for field in fields(symbols)]
    return Symbols(*(np.ascontiguousarray(arrays[name], dtype=np.int32) for name in names))


def _market(plan: Plan, symbols: Symbols, guesses: I64, price: float) -> Market:
    """What symbols like these cost, by their counts."""
    wide = np.clip(symbols.amplitudes, -AMPLITUDES, AMPLITUDES) + AMPLITUDES
    amplitudes = np.array([np.bincount(column, minlength=2 * AMPLITUDES + 1) for column in wide.T])
    squares = (symbols.amplitudes.astype(np.int64) ** 2).sum(axis=1)
    strengths = np.array([strength_of(int(square)) for square in squares], dtype=np.int64)
    steps = np.array([step_of(SIZE_CLASS, plan.size_bias, s) for s in strengths], dtype=np.int64)
    away = np.clip(symbols.sizes - (2 * guesses + steps) // (2 * steps), -RESIDUALS, RESIDUALS)
    ratios = np.zeros((LEVELS, RATIOS + 1))
    levels = np.minimum(strengths >> 3, LEVELS - 1)
    np.add.at(ratios, (levels, np.minimum(symbols.ratios, RATIOS)), 1.0)
    border = plan.margin << plan.cell_bits
    return Market(
        plan_integers(plan),
        np.array([plan.width, plan.height], dtype=np.int64) + 2 * border,
        float(border),
        plan.step,
        price * plan.step**2,
        FIXED_BITS,
        _bits(amplitudes + 0.05 * amplitudes[:, ::-1]),
        _bits(np.bincount(away + RESIDUALS, minlength=2 * RESIDUALS + 1).astype(np.float64)),
        _bits(ratios),
    )


def _bits(counts: F64) -> F64:
    """-log2 of counts, smoothed by those beside them."""
    smooth = counts + 0.02 * counts.sum(axis=-1, keepdims=True) / counts.shape[-1] + 0.05
    for _ in range(2):
        left = np.concatenate((smooth[..., :1], smooth[..., :-1]), axis=-1)
        right = np.concatenate((smooth[..., 1:], smooth[..., -1:]), axis=-1)
        smooth = 0.7 * smooth + 0.15 * (left + right)
    return np.asarray(-np.log2(smooth / smooth.sum(axis=-1, keepdims=True)))

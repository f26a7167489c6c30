# SPDX-License-Identifier: Apache-2.0
"""Which SH coefficients a Gaussian keeps, and at which symbols: rate against exact error.

The image is linear in colours, so the squared error of storing y instead of x is the quadratic
form (x - y)^T A (x - y) of the colour block A. DC is coded last and takes up whatever it can, so
above DC the error is the Schur complement B = A_rr - A_r0 A_0r / A_00. From "nothing kept" the
search changes one symbol at a time, always the change with the best error + lambda * bits; every
change sees the errors of all symbols so far through B, so quantisation errors are fed forward.

Source: docs/rd-profile.md, "Colour".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

# Bits that a squared unit of an SH coefficient costs beyond its symbols: what no view sees goes to 0.
RIDGE_BITS = 4.0
MOVES = 80  # symbol changes a Gaussian and channel
SIZES = 16  # magnitudes with their own cost
CLASSES = 24  # of the step, by half octaves: the finer the step, the more coefficients
LEARNING_STRIDE = 4
LEARNING_PASSES = 2
_FLAT = 1.0 / (4.0 * np.pi)  # mean square of a basis function


@dataclass(frozen=True)
class Costs:
    """Bits as the last pass found them."""

    counts: F64  # (3, CLASSES * 4, k) coefficients of a channel
    places: F64  # (3, k - 1)
    sizes: F64  # (3, SIZES) with the sign


def choose_sh(
    colours: F64,  # (n, k, 3) target, luma-chroma
    blocks: F32,  # (n, k (k + 1) / 2) packed lower triangles
    steps: F32,  # (n, k - 1)
    classes: I32,  # (n,) 0..CLASSES - 1
    lam: float,
) -> tuple[I16, F64]:  # (n, k - 1, 3) symbols, (n, 3) the DC that is best with them
    """Symbols of the SH rest by rate and error."""
    n, k = colours.shape[:2]
    costs = _first_costs(k)
    order = np.arange(0, n, LEARNING_STRIDE)
    for _ in range(LEARNING_PASSES):
        symbols, _ = _choose(colours, blocks, steps, classes, order, lam, costs)
        costs = _learn(symbols[order], classes[order])
    return _choose(colours, blocks, steps, classes, np.arange(n), lam, costs)


def _first_costs(k: int) -> Costs:
    counts = np.zeros((3, CLASSES * 4, k))
    counts += 1.0 + 2.5 * np.arange(k)
    sizes = np.zeros((3, SIZES)) + 1.5 * np.arange(SIZES)
    return Costs(counts, np.full((3, max(k - 1, 0)), np.log2(max(k - 1, 1))), sizes)


def _learn(symbols: I16, classes: I32) -> Costs:  # (m, k - 1, 3), (m,)
    """Costs of the symbols' own statistics."""
    k = symbols.shape[1] + 1
    used = symbols != 0
    number = used.sum(axis=1)  # (m, 3)
    counts, sizes = np.zeros((3, CLASSES * 4, k)), np.zeros((3, SIZES))
    for channel in range(3):
        context = classes * 4 + (np.minimum(number[:, 0], 3) if channel else 0)
        np.add.at(counts[channel], (context, number[:, channel]), 1.0)
        magnitudes = np.minimum(np.abs(symbols[..., channel][used[..., channel]]), SIZES - 1)
        sizes[channel] = np.bincount(magnitudes, minlength=SIZES)
    whole = counts.sum(axis=1, keepdims=True)
    counts += 8.0 * (whole + 0.1) / (whole + 0.1).sum(axis=2, keepdims=True)
    bits = -np.log2(counts / counts.sum(axis=2, keepdims=True))
    bits -= np.cumsum(np.log2(np.maximum(np.arange(k), 1)))  # the order of places is free
    places = used.sum(axis=0).T + 1.0
    places = -np.log2(places / places.sum(axis=1, keepdims=True))
    sizes[:, 1:] += 4.0 * 0.5 ** np.arange(1, SIZES)
    sizes = 1.0 - np.log2(np.maximum(sizes, 1e-9) / sizes[:, 1:].sum(axis=1, keepdims=True))
    sizes[:, 0] = 0.0
    return Costs(bits, places, sizes)


def _choose(
    colours: F64,
    blocks: F32,
    steps: F32,
    classes: I32,
    order: I64,
    lam: float,
    costs: Costs,
) -> tuple[I16, F64]:
    n, k = colours.shape[:2]
    symbols = np.zeros((n, k - 1, 3), dtype=np.int16)
    dc = colours[:, 0].copy()
    _choose_rows(
        np.ascontiguousarray(colours),
        blocks,
        steps,
        classes,
        order,
        lam,
        costs.counts,
        costs.places,
        costs.sizes,
        symbols,
        dc,
    )
    return symbols, dc


@njit(cache=True, nogil=True, error_model="numpy")
def _choose_rows(
    colours: F64,
    blocks: F32,
    steps: F32,
    classes: I32,
    order: I64,
    lam: float,
    counts: F64,
    places: F64,
    sizes: F64,
    symbols: I16,  # out
    dc: F64,  # out
) -> None:
    rest = symbols.shape[1]
    reduced = np.empty((rest, rest))
    across = np.empty(rest)
    slope, solution = np.empty(rest), np.empty(rest)
    tableau, kept = np.empty((rest, rest)), np.empty(rest, dtype=np.int64)
    for i in order:
        own = _reduce(blocks[i], reduced, across)
        context = classes[i] * 4
        for channel in range(3):
            for j in range(rest):
                total = 0.0
                for m in range(rest):
                    total += reduced[j, m] * colours[i, m + 1, channel]
                slope[j] = total
            if own > 0.0:
                for j in range(rest):
                    reduced[j, j] += RIDGE_BITS * lam
            used = _search(
                slope,
                reduced,
                steps[i],
                lam,
                counts[channel, context],
                places[channel],
                sizes[channel],
                symbols[i, :, channel],
                tableau,
                solution,
                kept,
            )
            if own > 0.0:
                shift = 0.0
                for j in range(rest):
                    reduced[j, j] -= RIDGE_BITS * lam
                    stored = symbols[i, j, channel] * np.float64(steps[i, j])
                    shift += across[j] * (colours[i, j + 1, channel] - stored)
                dc[i, channel] = colours[i, 0, channel] + shift / own
            if channel == 0:
                context += min(used, 3)


@njit(cache=True, nogil=True, error_model="numpy")
def _reduce(block: F32, reduced: F64, across: F64) -> float:
    """The Schur complement of DC; -> A_00."""
    own = np.float64(block[0])
    rest = len(across)
    for j in range(rest):
        across[j] = block[(j + 1) * (j + 2) // 2]
    for j in range(rest):
        start = (j + 1) * (j + 2) // 2 + 1
        for m in range(j + 1):
            value = np.float64(block[start + m])
            if own > 0.0:
                value -= across[j] * across[m] / own
            reduced[j, m] = value
            reduced[m, j] = value
    return own


@njit(cache=True, nogil=True, error_model="numpy")
def _select(
    tableau: F64,  # B; changed
    solution: F64,  # B x; changed to the solution within what is kept
    kept: I64,  # out: 1 where kept
    steps: F32,
    lam: float,
    counts: F64,
    places: F64,
    sizes: F64,
) -> int:
    """Adds the coefficient with the best gain of the re-solved error - lambda * bits; -> how many.

    The sweep operator keeps, for what is kept, minus the inverse of B and the solution, and for
    the rest the Schur complement.
    """
    rest = len(solution)
    used = 0
    for _ in range(2 * rest):
        best, place = 1e-12, -1
        for j in range(rest):
            curve = tableau[j, j]
            if kept[j]:
                value, inverse = solution[j], -curve
                if inverse <= 0.0:
                    continue
                symbol = max(abs(int(np.rint(value / steps[j]))), 1)
                saved = _bits(symbol, places[j], sizes) + counts[used] - counts[used - 1]
                gain = lam * saved - value * value / inverse
            else:
                if curve <= 0.0:
                    continue
                value = solution[j] / curve
                gain = value * solution[j]
                if gain <= lam:
                    continue
                symbol = max(abs(int(np.rint(value / steps[j]))), 1)
                gain -= lam * (_bits(symbol, places[j], sizes) + counts[used + 1] - counts[used])
            if gain > best:
                best, place = gain, j
        if place < 0:
            break
        _sweep(tableau, solution, place, 1.0 - 2.0 * kept[place])
        kept[place] = 1 - kept[place]
        used += 2 * kept[place] - 1
    return used


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(tableau: F64, solution: F64, place: int, sign: float) -> None:
    """Takes one coefficient in (sign 1) or out (sign -1)."""
    rest = len(solution)
    pivot = tableau[place, place]
    value = solution[place] / pivot
    for i in range(rest):
        if i == place:
            continue
        factor = tableau[i, place] / pivot
        solution[i] -= factor * solution[place]
        for j in range(rest):
            if j != place:
                tableau[i, j] -= factor * tableau[place, j]
    for i in range(rest):
        if i != place:
            tableau[i, place] *= sign / pivot
            tableau[place, i] = tableau[i, place]
    tableau[place, place] = -1.0 / pivot
    solution[place] = sign * value


@njit(cache=True, nogil=True, error_model="numpy")
def _round(
    tableau: F64,  # minus the inverse of B where kept; changed
    solution: F64,  # changed
    kept: I64,
    steps: F32,
    symbols: I16,  # out
) -> None:
    """Rounds what is kept one after the other; each error moves those not yet rounded."""
    rest = len(solution)
    for k in range(rest):
        if not kept[k]:
            continue
        step = np.float64(steps[k])
        symbol = np.rint(min(max(solution[k] / step, -32767.0), 32767.0))
        symbols[k] = int(symbol)
        error = (symbol * step - solution[k]) / tableau[k, k]
        for i in range(k + 1, rest):
            if kept[i]:
                solution[i] += tableau[i, k] * error
                for j in range(k + 1, rest):
                    if kept[j]:
                        tableau[i, j] -= tableau[i, k] * tableau[k, j] / tableau[k, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _search(
    slope: F64,  # B x; becomes B (x - y)
    reduced: F64,  # B with the ridge
    steps: F32,
    lam: float,
    counts: F64,
    places: F64,
    sizes: F64,
    symbols: I16,  # out
    tableau: F64,  # scratch
    solution: F64,
    kept: I64,
) -> int:
    """The symbols of one channel; -> how many are not 0."""
    rest = len(slope)
    least = lam * (1.0 + counts[min(1, rest)] - counts[0])
    worth = False
    for j in range(rest):
        kept[j] = 0
        solution[j] = slope[j]
        worth |= slope[j] * slope[j] > least * reduced[j, j]
    if not worth:
        return 0
    tableau[:] = reduced
    used = _select(tableau, solution, kept, steps, lam, counts, places, sizes)
    if not used:
        return 0
    _round(tableau, solution, kept, steps, symbols)
    used = 0
    for j in range(rest):
        if symbols[j]:
            used += 1
            move = symbols[j] * np.float64(steps[j])
            for i in range(rest):
                slope[i] -= reduced[i, j] * move
    return _polish(slope, reduced, steps, lam, counts, places, sizes, symbols, used)


@njit(cache=True, nogil=True, error_model="numpy")
def _polish(
    slope: F64,  # B (x - y), kept up to date
    reduced: F64,
    steps: F32,
    lam: float,
    counts: F64,
    places: F64,
    sizes: F64,
    symbols: I16,  # changed
    used: int,
) -> int:
    """Changes one symbol after the other while that pays; -> how many are not 0."""
    rest = len(slope)
    for _ in range(MOVES):
        best, place, value = -1e-12, -1, 0
        for j in range(rest):
            curve = reduced[j, j]
            old, step = int(symbols[j]), np.float64(steps[j])
            if curve <= 0.0:
                continue
            gain = slope[j] * slope[j] / curve
            if gain < lam and old == 0:
                continue
            ideal = old + slope[j] / (curve * step)
            near = int(np.rint(min(max(ideal, -32767.0), 32767.0)))
            for option in range(3):
                new = near if option == 0 else (near - int(np.sign(near)) if option == 1 else 0)
                if new == old or (option > 0 and near == 0):
                    continue
                move = (new - old) * step
                change = curve * move * move - 2.0 * slope[j] * move
                change += lam * (_bits(new, places[j], sizes) - _bits(old, places[j], sizes))
                now = used + int(new != 0) - int(old != 0)
                change += lam * (counts[now] - counts[used])
                if change < best:
                    best, place, value = change, j, new
        if place < 0:
            break
        old = int(symbols[place])
        used += int(value != 0) - int(old != 0)
        symbols[place] = value
        move = (value - old) * np.float64(steps[place])
        for j in range(rest):
            slope[j] -= reduced[j, place] * move
    return used


@njit(cache=True, nogil=True, error_model="numpy")
def _bits(symbol: int, place: float, sizes: F64) -> float:
    if symbol == 0:
        return 0.0
    size = abs(symbol)
    if size < SIZES - 1:
        return float(place + sizes[size])
    return float(place + sizes[SIZES - 1] + 2.0 * np.log2(size / (SIZES - 2.0)))

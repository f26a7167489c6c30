# SPDX-License-Identifier: Apache-2.0
"""The symbols of one channel of one Gaussian, by exact error and given costs.

The error of storing y instead of x is the quadratic form (x - y)^T B (x - y). Coefficients are
taken in and out one at a time, each time re-solving all that are kept; then they are rounded one
after the other, each error moving those not yet rounded; then single symbols change while that
pays.

Source: docs/rd-profile.md, "Colour"; the sweep operator is Beaton's (1964), the feedback that of
Frantar et al., "GPTQ" (2022).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import CODING

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
I64 = npt.NDArray[np.int64]

MOVES = 80  # symbol changes at the end
SIZES = 16  # magnitudes with their own cost
SYMBOL_MAX = 32767
# Rows of the prices in bits: by number of coefficients, by place of a positive and of a negative
# one, by magnitude.
COUNTS, PLUS, MINUS, SIZE = range(4)


@njit(**CODING)
def reduce_block(block: F32, reduced: F64, across: F64) -> float:
    """B = A_rr - A_r0 A_0r / A_00, the Schur complement of DC; -> A_00."""
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


@njit(**CODING)
def _select(
    tableau: F64,  # B; changed
    solution: F64,  # B x; changed to the solution within what is kept
    kept: I64,  # out: 1 where kept
    steps: F32,
    lam: float,
    prices: F64,  # (4, SIZES)
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
                symbol = _symbol(value, steps[j])
                saved = _bits(symbol, j, prices) + prices[COUNTS, used] - prices[COUNTS, used - 1]
                gain = lam * saved - value * value / inverse
            else:
                if curve <= 0.0:
                    continue
                value = solution[j] / curve
                gain = value * solution[j]
                if gain <= lam:
                    continue
                symbol = _symbol(value, steps[j])
                gain -= lam * (
                    _bits(symbol, j, prices) + prices[COUNTS, used + 1] - prices[COUNTS, used]
                )
            if gain > best:
                best, place = gain, j
        if place < 0:
            if not _swap(tableau, solution, kept, steps, lam, prices, used):
                break
            continue
        _sweep(tableau, solution, place, 1.0 - 2.0 * kept[place])
        kept[place] = 1 - kept[place]
        used += 2 * kept[place] - 1
    return used


@njit(**CODING)
def _swap(
    tableau: F64, solution: F64, kept: I64, steps: F32, lam: float, prices: F64, used: int
) -> bool:
    """Puts one coefficient in the place of another where that is better; -> whether it was."""
    rest = len(solution)
    for out in range(rest):
        if not kept[out] or tableau[out, out] >= 0.0:
            continue
        value = solution[out]
        gain = (
            lam * _bits(_symbol(value, steps[out]), out, prices) + value * value / tableau[out, out]
        )
        _sweep(tableau, solution, out, -1.0)
        best, place = -gain + 1e-12, -1
        for j in range(rest):
            if kept[j] or tableau[j, j] <= 0.0:
                continue
            value = solution[j] / tableau[j, j]
            worth = value * solution[j] - lam * _bits(_symbol(value, steps[j]), j, prices)
            if worth > best:
                best, place = worth, j
        if place >= 0:
            _sweep(tableau, solution, place, 1.0)
            kept[out], kept[place] = 0, 1
            return True
        _sweep(tableau, solution, out, 1.0)
    return False


@njit(**CODING)
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


@njit(**CODING)
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
        symbol = np.rint(min(max(solution[k] / step, -SYMBOL_MAX), SYMBOL_MAX))
        symbols[k] = int(symbol)
        error = (symbol * step - solution[k]) / tableau[k, k]
        for i in range(k + 1, rest):
            if kept[i]:
                solution[i] += tableau[i, k] * error
                for j in range(k + 1, rest):
                    if kept[j]:
                        tableau[i, j] -= tableau[i, k] * tableau[k, j] / tableau[k, k]


@njit(**CODING)
def choose_symbols(
    slope: F64,  # B x; becomes B (x - y)
    reduced: F64,  # B with the ridge
    steps: F32,
    lam: float,
    prices: F64,  # (4, SIZES)
    symbols: I16,  # out
    scratch: F64,  # (k, k - 1)
    kept: I64,  # (k - 1,)
) -> int:
    """The symbols of one channel; -> how many are not 0."""
    rest = len(slope)
    tableau, solution = scratch[:rest], scratch[rest]
    first = prices[COUNTS, min(1, rest)] - prices[COUNTS, 0]
    worth = False
    for j in range(rest):
        kept[j] = 0
        solution[j] = slope[j]
        least = lam * (first + prices[PLUS if slope[j] > 0.0 else MINUS, j])
        worth |= slope[j] * slope[j] > least * reduced[j, j]
    if not worth:
        return 0
    tableau[:] = reduced
    used = _select(tableau, solution, kept, steps, lam, prices)
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
    return int(_polish(slope, reduced, steps, lam, prices, symbols, used))


@njit(**CODING)
def _polish(
    slope: F64,  # B (x - y), kept up to date
    reduced: F64,
    steps: F32,
    lam: float,
    prices: F64,  # (4, SIZES)
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
            near = int(np.rint(min(max(ideal, -SYMBOL_MAX), SYMBOL_MAX)))
            for option in range(3):
                new = near if option == 0 else (near - int(np.sign(near)) if option == 1 else 0)
                if new == old or (option > 0 and near == 0):
                    continue
                move = (new - old) * step
                change = curve * move * move - 2.0 * slope[j] * move
                change += lam * (_bits(new, j, prices) - _bits(old, j, prices))
                now = used + int(new != 0) - int(old != 0)
                change += lam * (prices[COUNTS, now] - prices[COUNTS, used])
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


@njit(**CODING)
def _symbol(value: float, step: float) -> int:
    """The nearest symbol that is not 0."""
    symbol = int(np.rint(min(max(value / step, -SYMBOL_MAX), SYMBOL_MAX)))
    if symbol == 0:
        return 1 if value >= 0.0 else -1
    return symbol


@njit(**CODING)
def _bits(symbol: int, place: int, prices: F64) -> float:
    if symbol == 0:
        return 0.0
    size = abs(symbol)
    bits = prices[PLUS if symbol > 0 else MINUS, place] + prices[SIZE, min(size, SIZES - 1)]
    return float(bits if size < SIZES else bits + 2.0 * np.log2(size / (SIZES - 1.0)))

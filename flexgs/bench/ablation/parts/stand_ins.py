# SPDX-License-Identifier: Apache-2.0
"""What stands in for parts of the `rd` profile while they are switched off."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.neighbours import NEIGHBOURS, Neighbours
from flexgs.codec.rd.sh_choice.costs import Costs, first_costs
from flexgs.quant.adaptive.colours import DC_BITS, ColourPlan, ColourSymbols, band_of, sh_steps
from flexgs.quant.adaptive.features import fit_steps

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]

DEAD_ZONE_BITS = 8.0  # what each coefficient is taken to cost where the coder is not asked
RIDGE_BITS = 4.0  # as choose_sh has it
BATCH = 4096


def rebuild(kernel: Any, **names: object) -> Any:
    """A compiled function again, with other functions behind some of the names it uses."""
    function = kernel.py_func
    space = {**function.__globals__, **names}
    copy = FunctionType(function.__code__, space, function.__name__, function.__defaults__)
    return njit(error_model="numpy", nogil=True)(copy)


@njit(error_model="numpy", nogil=True)
def nearest_index(  # type: ignore[no-untyped-def]
    slots, weights, a, b, c, mixer, step, base, target, price, bends
):
    """`columns._choose` without prices."""
    return np.int64(np.floor(target / step + 0.5))


@njit(error_model="numpy", nogil=True)
def round_alone(tableau, solution, kept, steps, symbols):  # type: ignore[no-untyped-def]
    """`search._round` without feedback."""
    for k in range(len(solution)):
        if kept[k]:
            symbols[k] = int(np.rint(min(max(solution[k] / steps[k], -32767.0), 32767.0)))


@njit(error_model="numpy", nogil=True)
def leave_symbols(slope, reduced, steps, lam, prices, symbols, used):  # type: ignore[no-untyped-def]
    """`search._polish` that changes nothing."""
    return used


@njit(error_model="numpy", nogil=True)
def record(coder, data, slots, weights, a, b, c, mixer, value):  # type: ignore[no-untyped-def]
    """`code_int` that writes down what it is asked to code; coder[0] counts."""
    coder[0] += 1
    coder[coder[0]] = value
    return value


def unmixed(blocks: F64) -> tuple[F64, F64]:
    """`factor_blocks` that sees no parameter make up for another."""
    return np.einsum("nii->ni", blocks).copy(), np.zeros_like(blocks)


def fit_one_step(features: I32, fisher: F64, lam: float) -> I32:
    """`fit_steps` for all Gaussians alike."""
    return fit_steps(np.zeros_like(features), fisher, lam)


def no_shifts(plan: object, features: I32, own: F32, lam: float) -> npt.NDArray[np.int8]:
    """`_fit_shifts` that leaves the steps alone."""
    return np.zeros(len(own), np.int8)


def flat_costs(*_: object) -> Costs:
    """A coefficient costs DEAD_ZONE_BITS, whichever it is and however large; log2(15) is places."""
    costs = first_costs()
    sizes = np.full_like(costs.sizes, DEAD_ZONE_BITS - np.log2(15.0))
    zero = np.zeros_like(costs.counts)
    return Costs(zero, costs.places, costs.expected, np.zeros_like(costs.signs), sizes)


def row_before(n: int) -> Neighbours:
    """Neighbours of n rows of a chunk: the row before, and nobody else."""
    rows = np.full((n, NEIGHBOURS), -1, np.int32)
    rows[:, 0] = np.arange(-1, n - 1)
    weights = np.zeros((n, NEIGHBOURS), np.int32)
    weights[1:, 0] = 1024
    return Neighbours(rows, weights)


def whole_or_nothing(
    colours: F64, blocks: F32, steps: F32, classes: I32, near: object, lam: float
) -> tuple[I16, F64]:
    """`choose_sh` that keeps all SH coefficients of a Gaussian, or none."""
    n, k = colours.shape[:2]
    symbols, dc = np.zeros((n, k - 1, 3), np.int16), colours[:, 0].copy()
    low = np.tril_indices(k)
    for start in range(0, n, BATCH):
        rows = slice(start, start + BATCH)
        full = np.empty((len(blocks[rows]), k, k))
        full[:, low[0], low[1]] = full[:, low[1], low[0]] = blocks[rows]
        seen = full[:, 0, 0] > 0
        own = np.where(seen, full[:, 0, 0], 1.0)
        across = full[:, 0, 1:]
        form = full[:, 1:, 1:] - across[:, :, None] * across[:, None, :] / own[:, None, None]
        exact = colours[rows, 1:]
        slope = np.einsum("nij,njc->nic", form, exact)
        ridge = RIDGE_BITS * lam * np.eye(k - 1)
        step = steps[rows, :, None].astype(np.float64)
        indices = np.rint(np.linalg.solve(form + ridge, slope) / step)
        left = exact - indices * step
        error = np.einsum("nic,nij,njc->n", left, form, left)
        nothing = np.einsum("nic,nic->n", exact, slope)
        size = np.abs(indices)
        bits = np.where(size > 0, 3.0 + 2.0 * np.log2(np.maximum(size, 1)), 0.8).sum(axis=(1, 2))
        keep = seen & (error + lam * bits < nothing)
        indices[~keep] = 0
        symbols[rows] = np.clip(indices, -32767, 32767)
        missing = exact - symbols[rows] * step
        dc[rows] += np.einsum("ni,nic->nc", across, missing) * (seen / own)[:, None]
    return symbols, dc


def green_first(sh: npt.NDArray[np.floating]) -> F64:  # (n, k, 3) -> (n, k, 3)
    """`to_luma_chroma` that stays in RGB: green, which is most like luma, then red and blue."""
    return np.ascontiguousarray(sh[..., [1, 0, 2]], dtype=np.float64)


def dequantise_green_first(
    plan: ColourPlan, symbols: ColourSymbols, features: I32, rgb: F32 | None = None
) -> F32:
    """`dequantise_colours` of `green_first`."""
    steps = sh_steps(plan, features, symbols.shifts)[:, band_of(plan.degree)]
    dc = symbols.dc[:, None].astype(np.float32) * np.float32(2.0**-DC_BITS)
    values = np.concatenate([dc, symbols.sh.astype(np.float32) * steps[:, :, None]], axis=1)
    values = np.ascontiguousarray(values[..., [1, 0, 2]])
    if rgb is None:
        return values
    rgb[:] = values
    return rgb

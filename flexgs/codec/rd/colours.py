# SPDX-License-Identifier: Apache-2.0
"""Colours of the `rd` profile: float targets -> symbols by rate and error -> bytes, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.colours_dc import DC_CONTEXTS, DC_MIXERS, SHIFT_ROWS, code_dc, code_shifts
from flexgs.codec.rd.colours_dc import LEVELS as DC_LEVELS
from flexgs.codec.rd.colours_sh import LEVELS as SH_LEVELS
from flexgs.codec.rd.colours_sh import SH_BITS, SH_CONTEXTS, SH_MIXERS, code_sh
from flexgs.codec.rd.neighbours import Neighbours, find_neighbours
from flexgs.codec.rd.sh_choice import choose_sh
from flexgs.entropy.contexts import (
    check_decoder,
    finish_encoder,
    new_model,
    start_decoder,
    start_encoder,
)
from flexgs.quant.adaptive.colours import (
    DC_BITS,
    SHIFT_CLASSES,
    SHIFT_MAX,
    ColourPlan,
    ColourSymbols,
    band_of,
    dc_classes,
    dc_steps,
    sh_classes,
    sh_steps,
    to_luma_chroma,
)
from flexgs.quant.adaptive.features import OCTAVE, fit_steps

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

DC_BYTES = 24  # capacity a Gaussian; a residual of 2^20 steps takes less
SH_BYTES = 160
SPARE_BYTES = 4096
# Rounding by rate takes to coarser values than the nearest; finer steps leave it the choice. Low
# bands are seen by all views alike and share their errors less.
SH_FINER = 0.8
BAND_CLASSES = (4, 0, -4)
TARGET_MAX = 1000.0  # of a DC, luma-chroma
_NO_TARGET = np.empty((0, 3))  # code what is given


@dataclass(frozen=True)
class _Side:
    """What both sides know of a chunk before its colours."""

    shifts: I8  # (m,)
    steps: I64  # (m,) of DC
    dc_levels: I32  # (m,)
    sh_levels: I32  # (m,)
    near: Neighbours


def plan_colours(blocks: F32, features: I32, degree: int, lam: float) -> ColourPlan:
    """Steps fitted to the colour blocks; `lam` is squared error a bit."""
    own = blocks[:, 0].astype(np.float64)
    dc = fit_steps(features, own, lam)
    sh = fit_steps(features, _rest_weight(blocks, degree), SH_FINER * lam)
    return ColourPlan(degree, tuple(dc.tolist()), tuple(sh.tolist()), BAND_CLASSES)


def _rest_weight(blocks: F32, degree: int) -> F64:  # (n,)
    """Mean diagonal of the Schur complement of DC: the Fisher information of an SH coefficient."""
    rest = (degree + 1) ** 2 - 1
    own = np.maximum(blocks[:, 0].astype(np.float64), np.finfo(np.float64).tiny)
    total = np.zeros(len(blocks))
    for j in range(1, rest + 1):
        start = j * (j + 1) // 2
        total += blocks[:, start + j] - np.square(blocks[:, start], dtype=np.float64) / own
    return np.maximum(total, 0.0) / max(rest, 1)


def quantise_colours(
    sh: F32,  # (n, k, 3) target, in the order of the file
    blocks: F32,  # (n, k (k + 1) / 2)
    features: I32,  # (n, f) of the decoded geometry
    cells: I32,  # (n, 3) decoded positions
    bounds: I64,  # (c + 1,) first rows of the chunks, and n
    lam: float,  # squared error a bit
    given: ColourPlan | None = None,
) -> tuple[ColourPlan, ColourSymbols]:
    """Symbols that cost least in error + lam * bits, by a plan that is given or fitted to them."""
    degree = int(np.sqrt(sh.shape[1])) - 1
    plan = plan_colours(blocks, features, degree, lam) if given is None else given
    shifts = np.zeros(len(sh), dtype=np.int8)
    for start, stop in pairwise(bounds.tolist()):
        rows = slice(start, stop)
        shifts[rows] = _fit_shifts(plan, features[rows], blocks[rows, 0], lam)
    steps = np.ascontiguousarray(sh_steps(plan, features, shifts)[:, band_of(degree)])
    sides = [
        (
            slice(start, stop),
            _side(plan, features[start:stop], cells[start:stop], shifts[start:stop]),
        )
        for start, stop in pairwise(bounds.tolist())
    ]
    levels = np.maximum(_sh_levels(plan, features, shifts) - 4, 0)
    near = [(rows, side.near) for rows, side in sides]
    symbols, dc = choose_sh(to_luma_chroma(sh), blocks, steps, levels, near, lam)
    ideal: F64 = np.clip(dc, -TARGET_MAX, TARGET_MAX) * 2.0**DC_BITS
    values = np.zeros((len(sh), 3), dtype=np.int32)
    for rows, side in sides:
        _run_dc(side, values[rows], ideal[rows])
    return plan, ColourSymbols(values, symbols, shifts)


def code_colours(
    plan: ColourPlan, symbols: ColourSymbols, features: I32, cells: I32
) -> dict[str, bytes]:
    """Payloads of one chunk, "dc" and "sh": all arguments are of its rows alone."""
    side = _side(plan, features, cells, symbols.shifts)
    dc = _run_dc(side, symbols.dc.copy(), _NO_TARGET)
    coder, data = start_encoder(SPARE_BYTES + SH_BYTES * len(features))
    _run_sh(coder, data, symbols.sh.copy(), side)
    return {"dc": dc, "sh": finish_encoder(coder, data).tobytes()}


def decode_colours(
    plan: ColourPlan,
    payloads: Mapping[str, bytes],
    features: I32,
    cells: I32,
    given: ColourSymbols | None = None,
) -> ColourSymbols:
    """The inverse of `code_colours`. What has no payload, "dc" or "sh", is `given`.

    Raises:
        Corrupt: a payload does not end with its symbols.
    """
    symbols = empty_colours(len(features), plan.degree) if given is None else given
    model = new_model(DC_CONTEXTS, DC_MIXERS)
    streams = {name: start_decoder(payload) for name, payload in payloads.items()}
    if "dc" in streams:
        code_shifts(*streams["dc"], *model, symbols.shifts)
    side = _side(plan, features, cells, symbols.shifts)
    if "dc" in streams:
        code_dc(*streams["dc"], *model, symbols.dc, *_dc_tables(side), _NO_TARGET)
    if "sh" in streams:
        _run_sh(*streams["sh"], symbols.sh, side)
    for stream in streams.values():
        check_decoder(*stream)
    return symbols


def empty_colours(rows: int, degree: int) -> ColourSymbols:
    """Symbols to be decoded."""
    sh = np.zeros((rows, (degree + 1) ** 2 - 1, 3), dtype=np.int16)
    return ColourSymbols(np.zeros((rows, 3), dtype=np.int32), sh, np.zeros(rows, dtype=np.int8))


def _fit_shifts(plan: ColourPlan, features: I32, own: F32, lam: float) -> I8:  # (m, f), (m,)
    """What the steps of every SHIFT_ROWS rows lack to balance error and bits there."""
    steps = dc_steps(dc_classes(plan, features, np.zeros(len(features), np.int8))) / 2.0**DC_BITS
    loads = own.astype(np.float64) * np.square(steps) * (np.log(2.0) / (6.0 * lam))  # 1 is balance
    groups = np.arange(len(own)) // SHIFT_ROWS
    mean = (np.bincount(groups, loads) + 0.1) / (np.bincount(groups) + 0.1)
    units = np.rint(-0.5 * np.log2(mean) * (OCTAVE / SHIFT_CLASSES))
    return np.asarray(np.clip(units, -SHIFT_MAX, SHIFT_MAX).astype(np.int8)[groups])


def _side(plan: ColourPlan, features: I32, cells: I32, shifts: I8) -> _Side:
    classes = dc_classes(plan, features, shifts)
    levels = np.clip((classes + 10 * OCTAVE) // 4, 0, DC_LEVELS - 1).astype(np.int32)
    sh_levels = _sh_levels(plan, features, shifts)
    return _Side(shifts, dc_steps(classes), levels, sh_levels, find_neighbours(cells, features))


def _sh_levels(plan: ColourPlan, features: I32, shifts: I8) -> I32:
    """Half octaves of the SH step, 0..SH_LEVELS - 1."""
    classes = (sh_classes(plan, features, shifts) + 8 * OCTAVE) // (OCTAVE // 2)
    return np.asarray(np.clip(classes, 0, SH_LEVELS - 1), dtype=np.int32)


def _dc_tables(side: _Side) -> tuple[I64, I32, I32, I32]:
    return side.steps, side.dc_levels, side.near.rows, side.near.weights


def _run_dc(side: _Side, values: I32, ideal: F64) -> bytes:
    coder, data = start_encoder(SPARE_BYTES + DC_BYTES * len(values))
    model = new_model(DC_CONTEXTS, DC_MIXERS)
    code_shifts(coder, data, *model, side.shifts.copy())
    code_dc(coder, data, *model, values, *_dc_tables(side), ideal)
    return finish_encoder(coder, data).tobytes()


def _run_sh(
    coder: npt.NDArray[np.uint64],
    data: npt.NDArray[np.uint8],
    symbols: npt.NDArray[np.int16],
    side: _Side,
) -> None:
    slots, weights = new_model(SH_CONTEXTS, SH_MIXERS, SH_BITS)
    code_sh(coder, data, slots, weights, symbols, side.sh_levels, side.near.rows, side.near.weights)

# SPDX-License-Identifier: Apache-2.0
"""Geometry of a chunk of consecutive rows <-> one payload an attribute; chunks are independent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.codec.rd.columns import Column, code_column, new_column_model
from flexgs.codec.rd.geometry import (
    GeometrySymbols,
    Known,
    cell_shift,
    know_cells,
    learn_opacity,
    learn_scale,
    opacity_column,
    place_splits,
    pole_column,
    scale_column,
    spin_column,
)
from flexgs.codec.rd.tree import code_tree, new_tree_model
from flexgs.core.morton import morton_cells, morton_codes
from flexgs.entropy.contexts import (
    CODING,
    check_decoder,
    code_uint,
    finish_encoder,
    new_model,
    start_decoder,
    start_encoder,
)
from flexgs.entropy.contexts.coder import transmit
from flexgs.entropy.contexts.options import pointer
from flexgs.errors import Corrupt
from flexgs.quant.adaptive.geometry_plan import GeometryPlan
from flexgs.quant.adaptive.levels import fixed_values

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
Stream = tuple[U64, U8]

ATTRIBUTES = ("means", "opacity_logits", "log_scales", "quats")
MAX_CHUNK_ROWS = 1 << 20
_CAPACITY = 40  # bytes a row that no attribute exceeds
_HALF = 1 << 15
_FACE_STATICS = 80


def code_geometry(
    plan: GeometryPlan, symbols: GeometrySymbols, rows: slice = slice(None)
) -> dict[str, bytes]:
    """Payloads of a chunk by attribute."""
    chunk = symbols.select(rows)
    n = len(chunk.cells)
    streams = {name: start_encoder(_CAPACITY * n + 256) for name in ATTRIBUTES}
    _run(plan, chunk, streams, False)
    return {name: finish_encoder(*stream).tobytes() for name, stream in streams.items()}


def empty_geometry(count: int) -> GeometrySymbols:
    """Symbols to be decoded.

    Raises:
        Corrupt: too many for a chunk.
    """
    if not 0 <= count <= MAX_CHUNK_ROWS:
        raise Corrupt("a chunk is too long", expected=MAX_CHUNK_ROWS, found=count)
    wide = [np.zeros((count, 3), np.int32) for _ in range(3)]
    flat = [np.zeros(count, np.int32) for _ in range(3)]
    poles = np.zeros((count, 2), np.int32)
    return GeometrySymbols(wide[0], flat[0], wide[1], flat[1], poles, flat[2], wide[2])


def decode_geometry(
    plan: GeometryPlan,
    payloads: Mapping[str, bytes],
    count: int,
    given: GeometrySymbols | None = None,
) -> tuple[GeometrySymbols, Known]:
    """The inverse of `code_geometry`, and what the decoder knows in the end.

    Attributes without a payload are `given`; it is filled up.

    Raises:
        Corrupt: a payload is not what an encoder writes.
    """
    chunk = empty_geometry(count) if given is None else given
    streams = {name: start_decoder(payload) for name, payload in payloads.items()}
    known = _run(plan, chunk, streams, True)
    for stream in streams.values():
        check_decoder(*stream)
    return chunk, known


def know_geometry(plan: GeometryPlan, symbols: GeometrySymbols) -> Known:
    """All that symbols tell.

    Raises:
        Corrupt: a symbol is out of range.
    """
    return _run(plan, symbols, {}, False)


def _run(
    plan: GeometryPlan, chunk: GeometrySymbols, streams: Mapping[str, Stream], decoding: bool
) -> Known:
    """One pass over all columns; symbols are read, or written in place when decoding.

    Attributes without a stream are known already.
    """
    if "means" in streams:
        _run_tree(plan, chunk.cells, streams["means"], decoding)
    known = know_cells(plan, chunk.cells)
    column = opacity_column(known)
    _run_column(streams.get("opacity_logits"), column, chunk.opacity)
    learn_opacity(known, chunk.opacity, column.steps)
    for axis in range(3):
        column = scale_column(known, axis)
        _run_column(streams.get("log_scales"), column, chunk.scales[:, axis])
        learn_scale(known, axis, chunk.scales[:, axis], column.steps)
    _run_rotation(known, chunk, streams.get("quats"))
    known.splits = place_splits(known)
    if "means" in streams:
        code_places(*streams["means"], known.splits, chunk.places)
    return known


def _run_tree(plan: GeometryPlan, cells: I32, stream: Stream, decoding: bool) -> None:
    shift, levels = cell_shift(plan), plan.root + 1
    codes = np.zeros(len(cells), np.int64)
    if not decoding:
        codes[:] = morton_codes(cells.astype(np.int64) + shift).astype(np.int64)
    if not code_tree(*stream, *new_tree_model(), levels, codes, decoding):
        raise Corrupt("the cells do not fit the number of Gaussians", section="means")
    if decoding:
        cells[:] = morton_cells(codes.astype(np.uint64), 3) - shift


def _run_column(stream: Stream | None, column: Column, symbols: I32) -> None:
    if stream is None:
        return
    values = np.ascontiguousarray(symbols)
    code_column(*stream, new_column_model(), column, values)
    symbols[:] = values


def _run_rotation(known: Known, chunk: GeometrySymbols, stream: Stream | None) -> None:
    if stream is not None:
        statics = (known.needles * 1).astype(np.int32)
        code_faces(*stream, *new_model(_FACE_STATICS, 2), statics, chunk.faces)
    for k in range(2):
        column = pole_column(known, chunk.faces, known.turns[:, 0] if k else None)
        _run_column(stream, column, chunk.poles[:, k])
        known.turns[:, k] = fixed_values(chunk.poles[:, k], column.steps)
    column = spin_column(known, chunk.faces)
    _run_column(stream, column, chunk.spins)
    known.turns[:, 2] = fixed_values(chunk.spins, column.steps)


@njit(**CODING)
def code_faces(
    coder: U64,
    data: U8,
    slots: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.int32],
    statics: I32,  # (n,) 0 | 1
    faces: I32,  # (n,) read or written
) -> None:
    """The pole's world axis: 0, 1 or 2."""
    before = np.zeros((2, 3), np.int64)
    for i in range(len(faces)):
        kind = statics[i]
        past = before[kind]
        a = kind * 3 + past[0]
        b = 6 + (kind * 3 + past[0]) * 9 + past[1] * 3 + past[2]
        c = 60 + kind * 3 + before[1 - kind, 0]
        face = min(code_uint(coder, data, slots, weights, a, b, c, kind, faces[i]), 2)
        faces[i] = face
        past[2] = past[1]
        past[1] = past[0]
        past[0] = face


@njit(**CODING)
def code_places(coder: U64, data: U8, splits: I32, places: I32) -> None:
    """Bits inside the cells, as they are: nothing predicts them."""
    registers, stream = pointer(coder), pointer(data)
    for i in range(len(splits)):
        for k in range(3):
            value = 0
            for place in range(splits[i, k] - 1, -1, -1):
                bit = transmit(registers, stream, _HALF, (places[i, k] >> place) & 1)
                value = 2 * value + bit
            places[i, k] = value

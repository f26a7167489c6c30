# SPDX-License-Identifier: Apache-2.0
"""The integers of one chunk <-> one payload of the context coder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.entropy.contexts import (
    check_decoder,
    finish_encoder,
    start_decoder,
    start_encoder,
)
from flexgs.errors import Corrupt
from flexgs.image.coding.attributes import Rows, code_attributes
from flexgs.image.coding.calls import Stream
from flexgs.image.coding.cells import cell_order, code_cells, root_bits
from flexgs.image.coding.priors import Model, first_models
from flexgs.image.coding.symbols import Plan, Symbols, empty_symbols, plan_integers

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

_CAPACITY = 80  # bytes a Gaussian that no payload exceeds


def grid_of(plan: Plan) -> tuple[int, int]:
    """Cells across and down, those of the margin with them."""
    size, more = 1 << plan.cell_bits, 2 * plan.margin
    return -(-plan.width // size) + more, -(-plan.height // size) + more


def canonical(plan: Plan, symbols: Symbols) -> Symbols:
    """The rows that an image needs, in the order of files."""
    kept = symbols.select(np.flatnonzero(symbols.amplitudes.any(axis=1)))
    keys = cell_order(kept.cells, *grid_of(plan))
    order = np.lexsort((kept.angles, kept.ratios, kept.sizes, *kept.amplitudes.T[::-1], keys))
    return kept.select(order)


def encode_stream(plan: Plan, symbols: Symbols) -> bytes:
    """The payload of rows in the order of files."""
    return encode_with(first_models(), plan, symbols, np.zeros(0, np.int64))


def encode_with(models: tuple[Model, Model], plan: Plan, symbols: Symbols, guesses: I64) -> bytes:
    """The payload by models that learn as they go; fills `guesses`, see `expected_sizes`."""
    coder, data = start_encoder(_CAPACITY * len(symbols.cells) + 256)
    _run(plan, symbols, coder, data, models, guesses, decoding=False)
    return finish_encoder(coder, data).tobytes()


def expected_sizes(plan: Plan, symbols: Symbols) -> I64:
    """What the coder expects of each row's size, in 1/256 octaves; rows in the order of files."""
    guesses = np.zeros(len(symbols.cells), np.int64)
    encode_with(first_models(), plan, symbols, guesses)
    return guesses


def decode_stream(plan: Plan, count: int, payload: bytes | memoryview) -> Symbols:
    """The inverse of `encode_stream`.

    Raises:
        Corrupt: the payload is not what an encoder writes.
    """
    symbols = empty_symbols(count, plan.channels)
    coder, data = start_decoder(payload)
    if not _run(plan, symbols, coder, data, first_models(), np.zeros(0, np.int64), decoding=True):
        raise Corrupt("Gaussians lie where none can be", section="cells")
    check_decoder(coder, data)
    return symbols


def _run(
    plan: Plan,
    symbols: Symbols,
    coder: U64,
    data: U8,
    models: tuple[Model, Model],
    guesses: I64,
    *,
    decoding: bool,
) -> bool:
    cell_model, attribute_model = models
    sides = grid_of(plan)
    grid, bits = np.array(sides, dtype=np.int64), np.array(root_bits(*sides), dtype=np.int64)
    if not code_cells(Stream(coder, data, *cell_model), grid, bits, symbols.cells, decoding):
        return False
    rows = Rows(*(getattr(symbols, name) for name in Rows._fields))
    code_attributes(Stream(coder, data, *attribute_model), plan_integers(plan), rows, guesses)
    return True

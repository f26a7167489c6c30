# SPDX-License-Identifier: Apache-2.0
"""Symbols of one chunk <-> its streams. Chunks know nothing of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from flexgs.codec.kinds import RD_KINDS
from flexgs.codec.rd.colours import code_colours, decode_colours, empty_colours
from flexgs.codec.rd.colours_dc import DC_MAX
from flexgs.codec.rd.geometry import GeometrySymbols, cell_shift
from flexgs.codec.rd.geometry_chunks import (
    ATTRIBUTES,
    code_geometry,
    decode_geometry,
    empty_geometry,
)
from flexgs.codec.rd.geometry_values import Geometry, dequantise_geometry, value_geometry
from flexgs.codec.rd_file.head import RdHead
from flexgs.codec.rd_file.plain import channels_of, columns_from_bytes, columns_to_bytes
from flexgs.codec.rd_file.sections import MODELLED, PLAIN, attributes_of, entries_of
from flexgs.codec.writing import Packing
from flexgs.container import Container, Section
from flexgs.errors import Corrupt, FormatError
from flexgs.quant.adaptive.cells import MAX_SPLITS
from flexgs.quant.adaptive.colours import SHIFT_MAX, SYMBOL_MAX, ColourSymbols

I32 = npt.NDArray[np.int32]
Ints = npt.NDArray[np.signedinteger]

# A quick codec first: a plain form larger than this by it is not worth a slow one.
LOOK_FACTOR, LOOK_BYTES = 1.25, 64


@dataclass(frozen=True, eq=False)
class ChunkSymbols:
    """All integers of consecutive rows."""

    geometry: GeometrySymbols
    colours: ColourSymbols

    def select(self, rows: slice) -> ChunkSymbols:
        """Those of some rows."""
        return ChunkSymbols(self.geometry.select(rows), self.colours.select(rows))

    def same(self, other: ChunkSymbols) -> bool:
        """Whether all integers agree."""
        return all(
            np.array_equal(getattr(a, field.name), getattr(b, field.name))
            for a, b in ((self.geometry, other.geometry), (self.colours, other.colours))
            for field in fields(a)
        )


def write_chunk(head: RdHead, index: int, chunk: ChunkSymbols) -> list[Section]:
    """The sections of a chunk, each in its smaller form."""
    cells, features = (
        chunk.geometry.cells,
        dequantise_geometry(head.geometry, chunk.geometry).features,
    )
    modelled = code_geometry(head.geometry, chunk.geometry)
    modelled |= code_colours(head.colours, chunk.colours, features, cells)
    parts = _parts(chunk)
    return [
        _smaller(RD_KINDS[name], index + 1, modelled[name], parts[name])
        for name in attributes_of(head.degree)
    ]


def _smaller(kind: int, part: int, modelled: bytes, columns: Sequence[Ints]) -> Section:
    plain = columns_to_bytes(np.concatenate(columns, axis=1, dtype=np.int32))
    best = Section(kind, part, modelled, len(modelled), tag=MODELLED)
    look = Packing("zstd", 1, "fast").section(kind, part, plain, PLAIN)
    if len(look.payload) > LOOK_FACTOR * len(modelled) + LOOK_BYTES:
        return best
    other = Packing().section(kind, part, plain, PLAIN)
    return other if len(other.payload) < len(modelled) else best


def _parts(chunk: ChunkSymbols) -> dict[str, tuple[Ints, ...]]:
    """Views (rows, c) of the arrays of each attribute, in the order of the plain form's columns."""
    g, c = chunk.geometry, chunk.colours
    return {
        "means": (g.cells, g.places),
        "opacity_logits": (g.opacity[:, None],),
        "log_scales": (g.scales,),
        "quats": (g.faces[:, None], g.poles, g.spins[:, None]),
        "dc": (c.dc, c.shifts[:, None]),
        "sh": (c.sh.reshape(len(c.sh), -1),),
    }


def _ranges(head: RdHead) -> dict[str, tuple[tuple[int, int], ...]]:
    """What a model could decode to, for each of `_parts`; indices of columns are checked later."""
    shift, any_index = cell_shift(head.geometry), (-(2**31), 2**31 - 1)
    return {
        "means": ((-shift, shift - 1), (0, (1 << MAX_SPLITS) - 1)),
        "opacity_logits": (any_index,),
        "log_scales": (any_index,),
        "quats": ((0, 2), any_index, any_index),
        "dc": ((-DC_MAX, DC_MAX), (-SHIFT_MAX, SHIFT_MAX)),
        "sh": ((-SYMBOL_MAX, SYMBOL_MAX),),
    }


def read_chunk(container: Container, head: RdHead, index: int) -> tuple[ChunkSymbols, Geometry]:
    """Symbols of a chunk and the values of its geometry.

    Raises:
        FormatError: a stream is not what an encoder writes.
    """
    rows = int(head.bounds[index + 1] - head.bounds[index])
    chunk = ChunkSymbols(empty_geometry(rows), empty_colours(rows, head.degree))
    payloads = {}
    try:
        for name, entry in entries_of(container, head, index).items():
            raw = container.read(entry)
            if entry.tag == MODELLED:
                payloads[name] = raw
            else:
                _fill(chunk, name, columns_from_bytes(raw, channels_of(name, head.degree)), head)
        streams = {name: payloads.pop(name) for name in ATTRIBUTES if name in payloads}
        geometry, known = decode_geometry(head.geometry, streams, rows, chunk.geometry)
        values = value_geometry(known, geometry)
        features, cells = values.features, geometry.cells
        decode_colours(head.colours, payloads, features, cells, chunk.colours)
    except FormatError as error:
        error.section = error.section or f"chunk {index}"
        raise
    return chunk, values


def _fill(chunk: ChunkSymbols, name: str, columns: I32, head: RdHead) -> None:
    """Plain columns of an attribute."""
    first = 0
    for part, (low, high) in zip(_parts(chunk)[name], _ranges(head)[name], strict=True):
        values = columns[:, first : first + part.shape[1]]
        first += part.shape[1]
        if values.size and not (values.min() >= low and values.max() <= high):
            raise Corrupt("a value is out of range", section=name, expected=f"{low} to {high}")
        part[:] = values

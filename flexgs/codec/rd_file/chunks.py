# SPDX-License-Identifier: Apache-2.0
"""Symbols of one chunk <-> its streams. Chunks know nothing of each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from flexgs.codec.kinds import RD_KINDS
from flexgs.codec.rd.colours import ColourBytes, code_colours, decode_colours
from flexgs.codec.rd.geometry import GeometrySymbols, cell_shift
from flexgs.codec.rd.geometry_chunks import (
    ATTRIBUTES,
    code_geometry,
    decode_geometry,
    empty_geometry,
)
from flexgs.codec.rd.geometry_values import Geometry, dequantise_geometry
from flexgs.codec.rd_file.head import RdHead
from flexgs.codec.rd_file.plain import channels_of, columns_from_bytes, columns_to_bytes
from flexgs.codec.rd_file.sections import COLOURS, MODELLED, PLAIN, attributes_of, entries_of
from flexgs.codec.writing import Packing
from flexgs.container import Container, Entry, Section
from flexgs.errors import Corrupt, FormatError
from flexgs.quant.adaptive.cells import MAX_SPLITS
from flexgs.quant.adaptive.colours import ColourSymbols

I32 = npt.NDArray[np.int32]

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
    values = dequantise_geometry(head.geometry, chunk.geometry)
    colours = code_colours(head.colours, chunk.colours, values.features, chunk.geometry.cells)
    payloads = code_geometry(head.geometry, chunk.geometry)
    modelled = {**payloads, "dc": colours.dc, "sh": colours.sh}
    plain = _plain_columns(chunk)
    return [
        _smaller(RD_KINDS[name], index + 1, modelled[name], plain.get(name))
        for name in attributes_of(head.degree)
    ]


def _smaller(kind: int, part: int, modelled: bytes, columns: I32 | None) -> Section:
    best = Section(kind, part, modelled, len(modelled), tag=MODELLED)
    if columns is None:
        return best
    plain = columns_to_bytes(columns)
    look = Packing("zstd", 1, "fast").section(kind, part, plain, PLAIN)
    if len(look.payload) > LOOK_FACTOR * len(modelled) + LOOK_BYTES:
        return best
    other = Packing().section(kind, part, plain, PLAIN)
    return other if len(other.payload) < len(modelled) else best


def _plain_columns(chunk: ChunkSymbols) -> dict[str, I32]:
    g = chunk.geometry
    return {
        "means": np.concatenate([g.cells, g.places], axis=1),
        "opacity_logits": g.opacity[:, None],
        "log_scales": g.scales,
        "quats": np.concatenate([g.faces[:, None], g.poles, g.spins[:, None]], axis=1),
    }


def read_chunk(container: Container, head: RdHead, index: int) -> tuple[ChunkSymbols, Geometry]:
    """Symbols of a chunk and the values of its geometry.

    Raises:
        FormatError: a stream is not what an encoder writes.
    """
    rows = int(head.bounds[index + 1] - head.bounds[index])
    entries = entries_of(container, head, index)
    try:
        geometry = _read_geometry(container, head, entries, rows)
        values = dequantise_geometry(head.geometry, geometry)
        payloads = {name: container.read(entries[name]) for name in COLOURS if name in entries}
        streams = ColourBytes(payloads["dc"], payloads.get("sh", b""))
        colours = decode_colours(head.colours, streams, values.features, geometry.cells)
    except FormatError as error:
        error.section = error.section or f"chunk {index}"
        raise
    return ChunkSymbols(geometry, colours), values


def _read_geometry(
    container: Container, head: RdHead, entries: Mapping[str, Entry], rows: int
) -> GeometrySymbols:
    given = empty_geometry(rows)
    payloads = {}
    for name in ATTRIBUTES:
        raw = container.read(entries[name])
        if entries[name].tag == MODELLED:
            payloads[name] = raw
        else:
            _fill(given, name, columns_from_bytes(raw, channels_of(name, 0)), head)
    return decode_geometry(head.geometry, payloads, rows, given)


def _fill(given: GeometrySymbols, name: str, columns: I32, head: RdHead) -> None:
    """Plain columns of an attribute of the geometry, within what a model could decode to."""
    if name == "means":
        shift = cell_shift(head.geometry)
        given.cells[:], given.places[:] = columns[:, :3], columns[:, 3:]
        _check_range("cells", given.cells, -shift, shift - 1)
        _check_range("places", given.places, 0, (1 << MAX_SPLITS) - 1)
    elif name == "quats":
        given.faces[:], given.spins[:] = columns[:, 0], columns[:, 3]
        given.poles[:] = columns[:, 1:3]
        _check_range("faces", given.faces, 0, 2)
    elif name == "log_scales":
        given.scales[:] = columns
    else:
        given.opacity[:] = columns[:, 0]


def _check_range(what: str, values: I32, low: int, high: int) -> None:
    if values.size and not (values.min() >= low and values.max() <= high):
        raise Corrupt(f"{what} are out of range", expected=f"{low} to {high}")

# SPDX-License-Identifier: Apache-2.0
"""Symbols of one chunk <-> its streams. Chunks know nothing of each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from flexgs.codec.kinds import RD_KINDS
from flexgs.codec.rd.colours import ColourBytes, code_colours, decode_colours
from flexgs.codec.rd.colours_dc import DC_MAX
from flexgs.codec.rd.geometry import GeometrySymbols, cell_shift
from flexgs.codec.rd.geometry_chunks import code_geometry, decode_geometry
from flexgs.codec.rd.geometry_values import Geometry, dequantise_geometry
from flexgs.codec.rd_file.head import RdHead
from flexgs.codec.rd_file.plain import channels_of, columns_from_bytes, columns_to_bytes
from flexgs.codec.rd_file.sections import COLOURS, GEOMETRY, MODELLED, PLAIN, entries_of
from flexgs.codec.writing import Packing
from flexgs.container import Container, Section
from flexgs.errors import Corrupt, FormatError
from flexgs.quant.adaptive.cells import MAX_SPLITS
from flexgs.quant.adaptive.colours import SYMBOL_MAX, ColourSymbols

I32 = npt.NDArray[np.int32]

PLAIN_ROWS = 1024  # more Gaussians never are smaller without a model


@dataclass(frozen=True, eq=False)
class ChunkSymbols:
    """All integers of consecutive rows."""

    geometry: GeometrySymbols
    colours: ColourSymbols

    def select(self, rows: slice) -> ChunkSymbols:
        """Those of some rows."""
        colours = ColourSymbols(self.colours.dc[rows], self.colours.sh[rows])
        return ChunkSymbols(self.geometry.select(rows), colours)

    def same(self, other: ChunkSymbols) -> bool:
        """Whether all integers agree."""
        return all(
            np.array_equal(getattr(a, field.name), getattr(b, field.name))
            for a, b in ((self.geometry, other.geometry), (self.colours, other.colours))
            for field in fields(a)
        )


def write_chunk(head: RdHead, index: int, chunk: ChunkSymbols) -> list[Section]:
    """The sections of a chunk, in the smaller form."""
    values = dequantise_geometry(head.geometry, chunk.geometry)
    colours = code_colours(head.colours, chunk.colours, values.features, chunk.geometry.cells)
    payloads = code_geometry(head.geometry, chunk.geometry)
    modelled = {**payloads, "dc": colours.dc, "sh": colours.sh}
    plain = _plain_columns(chunk) if len(chunk.geometry.cells) <= PLAIN_ROWS else {}
    sections = []
    for group in (GEOMETRY, COLOURS):
        names = [name for name in group if channels_of(name, head.degree)]
        raw = [modelled[name] for name in names]
        best = [_modelled_section(n, index, p) for n, p in zip(names, raw, strict=True)]
        if plain:
            other = [
                Packing().section(RD_KINDS[n], index + 1, columns_to_bytes(plain[n]), PLAIN)
                for n in names
            ]
            best = min(best, other, key=lambda parts: sum(len(part.payload) for part in parts))
        sections += best
    return sections


def _modelled_section(name: str, index: int, payload: bytes) -> Section:
    return Section(RD_KINDS[name], index + 1, payload, len(payload), tag=MODELLED)


def _plain_columns(chunk: ChunkSymbols) -> dict[str, I32]:
    geometry, colours = chunk.geometry, chunk.colours
    rows = len(geometry.cells)
    turns = (geometry.faces[:, None], geometry.poles, geometry.spins[:, None])
    return {
        "means": np.concatenate([geometry.cells, geometry.places], axis=1),
        "opacity_logits": geometry.opacity[:, None],
        "log_scales": geometry.scales,
        "quats": np.concatenate(turns, axis=1),
        "dc": colours.dc,
        "sh": colours.sh.reshape(rows, -1).astype(np.int32),
    }


def read_chunk(container: Container, head: RdHead, index: int) -> tuple[ChunkSymbols, Geometry]:
    """Symbols of a chunk and the values of its geometry.

    Raises:
        FormatError: a stream is not what an encoder writes.
    """
    rows = int(head.bounds[index + 1] - head.bounds[index])
    try:
        geometry = _read_geometry(container, head, index, rows)
        values = dequantise_geometry(head.geometry, geometry)
        colours = _read_colours(container, head, index, geometry.cells, values.features)
    except FormatError as error:
        error.section = error.section or f"chunk {index}"
        raise
    return ChunkSymbols(geometry, colours), values


def _read_geometry(container: Container, head: RdHead, index: int, rows: int) -> GeometrySymbols:
    entries = entries_of(container, head, index, GEOMETRY)
    payloads = {name: container.read(entry) for name, entry in entries.items()}
    if entries["means"].tag == MODELLED:
        return decode_geometry(head.geometry, payloads, rows)
    columns = _from_plain(payloads, head.degree)
    cells, places = np.split(columns["means"], 2, axis=1)
    shift = cell_shift(head.geometry)
    _check_range("cells", cells, -shift, shift - 1)
    _check_range("places", places, 0, (1 << MAX_SPLITS) - 1)
    turns = columns["quats"]
    _check_range("faces", turns[:, 0], 0, 2)
    return GeometrySymbols(
        cells=np.ascontiguousarray(cells),
        opacity=columns["opacity_logits"][:, 0],
        scales=columns["log_scales"],
        faces=turns[:, 0],
        poles=turns[:, 1:3],
        spins=turns[:, 3],
        places=places,
    )


def _read_colours(
    container: Container, head: RdHead, index: int, cells: I32, features: I32
) -> ColourSymbols:
    entries = entries_of(container, head, index, COLOURS)
    payloads = {name: container.read(entry) for name, entry in entries.items()}
    if entries["dc"].tag == MODELLED:
        streams = ColourBytes(payloads["dc"], payloads.get("sh", b""))
        return decode_colours(head.colours, streams, features, cells)
    columns = _from_plain(payloads, head.degree)
    sh = columns.get("sh", np.zeros((len(cells), 0), np.int32))
    _check_range("dc", columns["dc"], -DC_MAX, DC_MAX)
    _check_range("sh", sh, -SYMBOL_MAX, SYMBOL_MAX)
    return ColourSymbols(columns["dc"], sh.reshape(len(cells), -1, 3).astype(np.int16))


def _from_plain(payloads: Mapping[str, bytes], degree: int) -> dict[str, I32]:
    return {
        name: columns_from_bytes(raw, channels_of(name, degree)) for name, raw in payloads.items()
    }


def _check_range(what: str, values: I32, low: int, high: int) -> None:
    if values.size and not (values.min() >= low and values.max() <= high):
        raise Corrupt(f"{what} are out of range", expected=f"{low} to {high}")

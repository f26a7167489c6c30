# SPDX-License-Identifier: Apache-2.0
"""What the same integers take without the context coder: byte codecs alone.

Generous to the byte codecs: of every attribute the smallest of its plain layouts counts, and of
what the coder predicts also the residuals, which nobody could decode without those predictions.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from flexgs.bench.ablation.parts.replaced import replaced
from flexgs.bench.ablation.parts.stand_ins import rebuild, record
from flexgs.codec import rd_chunk_bounds
from flexgs.codec.rd import colours, columns, geometry_chunks
from flexgs.codec.rd.colours_dc import DC_CONTEXTS, DC_MIXERS, code_dc
from flexgs.codec.rd.geometry import cell_shift
from flexgs.codec.rd.geometry_chunks import know_geometry
from flexgs.codec.rd.geometry_values import value_geometry
from flexgs.codec.rd_file.chunks import ChunkSymbols, _parts
from flexgs.codec.rd_file.plain import columns_to_bytes
from flexgs.core.morton import morton_codes
from flexgs.entropy import compress
from flexgs.entropy.contexts import new_model
from flexgs.pipeline.rd.candidate import Candidate
from flexgs.quant.packing import split_planes

Ints = npt.NDArray[np.signedinteger]
Sizes = dict[str, int]


def stored(raw: bytes) -> int:
    """Bytes by the best of zlib, zstd, lzma and brotli."""
    return len(compress(raw, "auto", None, "best")[1])


def smallest(table: Ints) -> int:  # (rows, c)
    """Of differences to the row before, and of the values themselves."""
    values = np.ascontiguousarray(table, dtype=np.int32)
    zigzag = ((values << 1) ^ (values >> 31)).astype(np.uint32)
    planes = split_planes(np.ascontiguousarray(zigzag.T).reshape(-1), 4)
    return min(
        stored(columns_to_bytes(values)), stored(b"".join(plane.tobytes() for plane in planes))
    )


def chunks_of(candidate: Candidate) -> list[ChunkSymbols]:
    """The symbols of every chunk."""
    whole = ChunkSymbols(candidate.geometry, candidate.colours)
    bounds = rd_chunk_bounds(len(candidate.geometry.cells)).tolist()
    return [whole.select(slice(*rows)) for rows in pairwise(bounds)]


def morton_bytes(candidate: Candidate, chunk: ChunkSymbols) -> int:
    """Differences of Morton codes through byte codecs, places inside the cells as they are."""
    plan, geometry = candidate.geometry_plan, chunk.geometry
    codes = morton_codes(geometry.cells.astype(np.int64) + cell_shift(plan))
    steps = np.diff(codes, prepend=np.uint64(0))
    planes = np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 8).T)
    return stored(planes.tobytes()) + -(-int(know_geometry(plan, geometry).splits.sum()) // 8)


def residuals_of(candidate: Candidate, chunk: ChunkSymbols) -> dict[str, Ints]:
    """Opacity, scales and DC as differences from what the coder expects; (rows, c)."""
    rows, plan = len(chunk.geometry.cells), candidate.geometry_plan
    lengths = {"opacity_logits": 1, "log_scales": 3, "dc": 3}
    found = {name: np.zeros(1 + c * rows, np.int64) for name, c in lengths.items()}
    data = np.zeros(1, np.uint8)
    streams = {name: (found[name], data) for name in ("opacity_logits", "log_scales")}
    with replaced((columns, "code_rows", rebuild(columns.code_rows, code_int=record))):
        known = geometry_chunks._run(plan, chunk.geometry, streams, False)  # type: ignore[arg-type]
    features = value_geometry(known, chunk.geometry).features
    side = colours._side(
        candidate.colour_plan, features, chunk.geometry.cells, chunk.colours.shifts
    )
    tables = colours._dc_tables(side)
    values, model = chunk.colours.dc.copy(), new_model(DC_CONTEXTS, DC_MIXERS)
    rebuild(code_dc, code_int=record)(
        found["dc"], data, *model, values, *tables, colours._NO_TARGET
    )
    scales = found["log_scales"][1:].reshape(3, rows).T
    shifts = chunk.colours.shifts[:, None].astype(np.int64)
    dc = np.concatenate([found["dc"][1:].reshape(rows, 3), shifts], axis=1)
    return {"opacity_logits": found["opacity_logits"][1:, None], "log_scales": scales, "dc": dc}


def without_contexts(candidate: Candidate, modelled: Sizes) -> Sizes:
    """Sizes of the attributes when byte codecs are all there is."""
    sizes = {**modelled, **dict.fromkeys(_parts(chunks_of(candidate)[0]), 0)}
    for chunk in chunks_of(candidate):
        plain = {name: np.concatenate(p, axis=1) for name, p in _parts(chunk).items()}
        least = {name: smallest(table) for name, table in plain.items()}
        least["means"] = min(least["means"], morton_bytes(candidate, chunk))
        for name, table in residuals_of(candidate, chunk).items():
            least[name] = min(least[name], smallest(table))
        for name, size in least.items():
            sizes[name] += size
    return sizes


def without_tree(candidate: Candidate, modelled: Sizes) -> Sizes:
    """Sizes when byte codecs code the cells."""
    means = sum(morton_bytes(candidate, chunk) for chunk in chunks_of(candidate))
    return {**modelled, "means": means}

# SPDX-License-Identifier: Apache-2.0
"""Plans and symbols -> the bytes of a `.fgs` file of the `rd` profile."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from flexgs.codec.kinds import HEAD
from flexgs.codec.rd_file.head import RD_MODELS, RdHead, chunk_count, write_rd_head
from flexgs.codec.threads import run_chunks
from flexgs.codec.writing import Packing, metadata_section, pad
from flexgs.container import pack
from flexgs.core.splats import SH_COEFFICIENTS, Model
from flexgs.errors import FlexgsError, UsageError
from flexgs.quant.adaptive.colours import ColourPlan, ColourSymbols
from flexgs.quant.adaptive.geometry_plan import GeometryPlan

if TYPE_CHECKING:
    from flexgs.codec.rd.geometry import GeometrySymbols  # compiled kernels


def pack_rd(
    geometry_plan: GeometryPlan,
    geometry: GeometrySymbols,
    colour_plan: ColourPlan,
    colours: ColourSymbols,
    model: Model = "3dgs",
    metadata: Mapping[str, object] | None = None,
    *,
    threads: int | None = None,
) -> bytes:
    """A complete file. Same arguments, same bytes, whatever the number of threads.

    Reads its own output back and compares it symbol by symbol.

    Args:
        geometry: n rows in file order, as `quantise_geometry` gives them.
        colours: of the same rows, chosen for the chunks of `rd_chunk_bounds(n)`.
        metadata: JSON values that `describe` gives back.
        threads: at most so many; None for all cores.

    Raises:
        UsageError: numbers of rows or of coefficients disagree, or the model is not stored.
    """
    from flexgs.codec.rd_file.chunks import ChunkSymbols, write_chunk  # compiled kernels
    from flexgs.codec.rd_file.decode import read_rd_symbols

    n = len(geometry.cells)
    _check(n, colour_plan, colours, model)
    head = RdHead(model, n, chunk_count(n), geometry_plan, colour_plan)
    packing = Packing()
    whole = ChunkSymbols(geometry, colours)
    chunks = [whole.select(slice(*rows)) for rows in pairwise(head.bounds.tolist())]
    sections = [
        packing.section(HEAD, 0, write_rd_head(head)),
        metadata_section(packing, metadata),
    ]
    for parts in run_chunks(lambda i: write_chunk(head, i, chunks[i]), len(chunks), threads):
        sections += parts
    data = pack(pad(sections, head.decoded_bytes))
    again = read_rd_symbols(data, threads=threads)[1]
    if not all(a.same(b) for a, b in zip(chunks, again, strict=True)):
        raise FlexgsError(
            "the encoded file does not decode to what went in",
            hint="this is a bug; nothing was written",
        )
    return data


def _check(n: int, plan: ColourPlan, colours: ColourSymbols, model: Model) -> None:
    wanted = (n, SH_COEFFICIENTS[plan.degree] - 1, 3)
    if colours.dc.shape != (n, 3) or colours.sh.shape != wanted:
        raise UsageError(
            "colours do not fit the geometry",
            section="colours",
            expected=f"({n}, 3) and {wanted}",
            found=f"{colours.dc.shape} and {colours.sh.shape}",
        )
    if model not in RD_MODELS:
        raise UsageError(
            "the rd profile has no such model", expected=" | ".join(RD_MODELS), found=model
        )

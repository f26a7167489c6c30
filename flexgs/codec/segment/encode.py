# SPDX-License-Identifier: Apache-2.0
"""Splats + plan -> the bytes of a `.fgs` file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.codec.kinds import HEAD
from flexgs.codec.segment.decode import read_segment_symbols
from flexgs.codec.segment.head import Head, write_head
from flexgs.codec.segment.kinds import SH_LEVELS
from flexgs.codec.segment.quantise import quantise_splats
from flexgs.codec.segment.streams import METHODS, chunk_streams, level_bits
from flexgs.codec.segment.symbols import ChunkSymbols, same_symbols
from flexgs.codec.threads import run_chunks
from flexgs.codec.writing import Packing, metadata_section, pad
from flexgs.container import Section, pack
from flexgs.core import Splats
from flexgs.entropy import Effort, compress
from flexgs.errors import FlexgsError
from flexgs.quant import SegmentPlan
from flexgs.quant.grid import Method, cells_to_planes
from flexgs.quant.layout import Layout, Symbols, layout_choices, symbols_to_planes

SAMPLE_SYMBOLS = 1 << 16  # of a group, for the choice of its layout
SAMPLE_ROWS = 1 << 14  # of the positions, for the choice of their method


def encode_splats(
    splats: Splats,
    plan: SegmentPlan,
    *,
    weights: Mapping[str, npt.NDArray[np.floating]] | None = None,
    metadata: Mapping[str, object] | None = None,
    effort: Effort = "best",
) -> bytes:
    """A complete `.fgs` file of the `segment` profile. Same arguments, same bytes.

    Args:
        weights: importance per Gaussian, (n,) each, under "geometry" and "colour"; the ranges are
            fitted to it.
        metadata: JSON values that `describe` gives back.
        effort: of the lossless part only; both efforts decode to the same arrays. `best` also reads
            its own output back and compares it symbol by symbol.

    Raises:
        SceneError: a value is NaN or out of the legal range.
        UsageError: weights, level or metadata are not usable.

    >>> empty = Splats(*(np.zeros(s) for s in ((0, 3), (0, 3), (0, 4), (0,), (0, 1, 3))))
    >>> encode_splats(empty, SegmentPlan())[:8]
    b'\\x89FGS\\r\\n\\x1a\\n'
    """
    head, chunks = quantise_splats(splats, plan, weights)
    method, layouts = _choose_layouts(head, chunks, plan)
    packing = Packing(plan.codec, plan.level, effort)
    sections = [packing.section(HEAD, 0, write_head(head))]
    sections.append(metadata_section(packing, metadata, plan=plan.to_dict()))
    jobs = [
        (index, stream)
        for index, chunk in enumerate(chunks, start=1)
        for stream in chunk_streams(head, chunk, method, layouts)
    ]

    def run(job: int) -> Section:
        index, stream = jobs[job]
        return packing.section(stream.kind, index, stream.raw, stream.tag)

    sections += run_chunks(run, len(jobs))
    data = pack(pad(sections, head.decoded_bytes))
    if effort == "best":
        _verify(data, chunks)
    return data


def _choose_layouts(
    head: Head, chunks: list[ChunkSymbols], plan: SegmentPlan
) -> tuple[Method, dict[int, Layout]]:
    """By size, on a sample of the middle chunk; every section records what was chosen."""
    chunk = chunks[len(chunks) // 2]
    start = max(0, (len(chunk.cells) - SAMPLE_ROWS) // 2)
    cells = chunk.cells[start : start + SAMPLE_ROWS]

    # lzma ranks layouts as the best codecs do, zstd does not
    codec = "lzma" if plan.codec == "auto" else plan.codec
    level = None if plan.codec == "auto" else plan.level

    def cost(planes: list[npt.NDArray[np.uint8]]) -> int:
        return sum(len(compress(p.tobytes(), codec, level, "fast")[1]) for p in planes)

    def best(symbols: Symbols, bits: int) -> Layout:
        columns = max(1, SAMPLE_SYMBOLS // len(symbols))
        first = max(0, (symbols.shape[1] - columns) // 2)
        sample = symbols[:, first : first + columns]
        choices = layout_choices(bits, len(symbols))
        chosen = min(choices, key=lambda layout: cost(symbols_to_planes(sample, bits, layout)))
        pair = (chosen, replace(chosen, packed=False))
        return min(pair, key=lambda layout: cost(symbols_to_planes(sample, bits, layout)))

    method = min(METHODS, key=lambda name: cost(cells_to_planes(cells, name)))
    layouts = {group.kind: Layout() for group in head.groups}
    layouts |= {part.group.kind: best(part.symbols, part.group.bits(plan)) for part in chunk.groups}
    layouts[SH_LEVELS] = best(chunk.levels[None], level_bits(head.degree))
    return method, layouts


def _verify(data: bytes, chunks: list[ChunkSymbols]) -> None:
    again = read_segment_symbols(data)[1]
    if not all(same_symbols(a, b) for a, b in zip(chunks, again, strict=True)):
        raise FlexgsError(
            "the encoded file does not decode to what went in",
            hint="this is a bug, or a broken codec library; nothing was written",
        )

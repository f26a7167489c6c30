# SPDX-License-Identifier: Apache-2.0
"""Splats + plan -> the bytes of a `.fgs` file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs import __version__
from flexgs.codec.decode import read_symbols
from flexgs.codec.head import Head, write_head
from flexgs.codec.kinds import HEAD, METADATA, PADDING, SH_LEVELS
from flexgs.codec.quantise import quantise_splats
from flexgs.codec.streams import METHODS, Stream, chunk_streams, level_bits
from flexgs.codec.symbols import ChunkSymbols, same_symbols
from flexgs.container import RATIO_SLACK_BYTES, Section, dump_metadata, pack
from flexgs.core import Splats
from flexgs.entropy import Effort, byte_codecs, compress
from flexgs.errors import FlexgsError
from flexgs.limits import DEFAULT_LIMITS, Limits
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
    sections = [_section(plan, effort, 0, _head_stream(head))]
    sections.append(_metadata_section(plan, metadata, effort))
    jobs = [
        (index, stream)
        for index, chunk in enumerate(chunks, start=1)
        for stream in chunk_streams(head, chunk, method, layouts)
    ]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        sections += pool.map(lambda job: _section(plan, effort, *job), jobs)
    data = pack(_pad(sections, head.decoded_bytes))
    if effort == "best":
        _verify(data, chunks)
    return data


def _head_stream(head: Head) -> Stream:
    return Stream(HEAD, 0, write_head(head))


def _section(plan: SegmentPlan, effort: Effort, index: int, stream: Stream) -> Section:
    name, payload = compress(stream.raw, plan.codec, plan.level, effort)
    codec = byte_codecs.get(name).code
    return Section(stream.kind, index, payload, len(stream.raw), codec, stream.tag)


def _metadata_section(
    plan: SegmentPlan, metadata: Mapping[str, object] | None, effort: Effort
) -> Section:
    values = {"flexgs": __version__, "notes": dict(metadata or {}), "plan": plan.to_dict()}
    stream = Stream(METADATA, 0, dump_metadata(values))
    return replace(_section(plan, effort, 0, stream), critical=False)


def _pad(
    sections: list[Section], decoded_bytes: int, limits: Limits = DEFAULT_LIMITS
) -> Sequence[Section]:
    """Lengthens a file that expands beyond what readers allow (scenes of all equal Gaussians)."""
    raw = max(sum(section.raw_length for section in sections), decoded_bytes)
    stored = sum(len(section.payload) for section in sections)
    missing = -(-(raw - RATIO_SLACK_BYTES) // (limits.max_ratio - 1)) - stored
    if missing <= 0:
        return sections
    return [*sections, Section(PADDING, 0, bytes(missing), missing, critical=False)]


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
    again = read_symbols(data)[1]
    if not all(same_symbols(a, b) for a, b in zip(chunks, again, strict=True)):
        raise FlexgsError(
            "the encoded file does not decode to what went in",
            hint="this is a bug, or a broken codec library; nothing was written",
        )

# SPDX-License-Identifier: Apache-2.0
"""Chunks of all pieces -> one file image, and the image back into tables, a chunk at a time."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from flexgs.codec.kinds import HEAD
from flexgs.codec.opening import open_container
from flexgs.codec.rd_file.decode import decode_rd_chunk
from flexgs.codec.rd_file.head import RdHead, write_rd_head
from flexgs.codec.rd_file.sections import open_rd
from flexgs.codec.writing import Packing, metadata_section, pad
from flexgs.container import ENTRY, HEADER_BYTES, Section, pack
from flexgs.errors import FlexgsError
from flexgs.limits import DEFAULT_LIMITS
from flexgs.pipeline.blocks.stored.tables import Tables, make_tables, save_table, splats_to_rows
from flexgs.pipeline.blocks.work.pieces import Pieces
from flexgs.pipeline.blocks.work.tasks import load_sections, sections_path


def head_sections(head: RdHead, metadata: Mapping[str, object]) -> list[Section]:
    """What is not of a chunk."""
    packing = Packing()
    return [packing.section(HEAD, 0, write_rd_head(head)), metadata_section(packing, metadata)]


def file_bytes(head: RdHead, metadata: Mapping[str, object], stored: int, sections: int) -> int:
    """Length of a file whose chunks are so many sections of so many bytes in all."""
    own = head_sections(head, metadata)
    payloads = stored + sum(len(section.payload) for section in own)
    return HEADER_BYTES + payloads + ENTRY.size * (sections + len(own))


def assemble(head: RdHead, metadata: Mapping[str, object], rounded: Tables) -> bytes:
    """The file image."""
    sections = head_sections(head, metadata)
    for index in range(len(rounded.counts)):
        sections += load_sections(sections_path(rounded, index))
    return pack(pad(sections, head.decoded_bytes))


def decode_to_tables(data: bytes, pieces: Pieces, rounded: Tables, folder: Path) -> Tables:
    """What a file decodes to, chunk by chunk, a table each.

    Raises:
        FlexgsError: it is not what went in.
    """
    container, payload = open_container(data, DEFAULT_LIMITS)
    head = open_rd(container, payload, DEFAULT_LIMITS)
    counts = tuple(int(count) for count in np.diff(head.bounds))
    tables = make_tables(folder, counts, rounded.coefficients, head.model)
    for index in range(len(rounded.counts)):
        expected = np.load(rounded.path(index), mmap_mode="r")
        bounds = pieces.bounds(index)
        for offset, (start, stop) in enumerate(pairwise(bounds)):
            chunk = pieces.first_chunks[index] + offset
            splats = decode_rd_chunk(container, head, chunk)
            if not np.array_equal(splats_to_rows(splats), expected[start:stop]):
                raise FlexgsError(
                    "the encoded file does not decode to what went in",
                    section=f"chunk {chunk}",
                    hint="this is a bug; nothing was written",
                )
            save_table(tables, chunk, splats)
    return tables

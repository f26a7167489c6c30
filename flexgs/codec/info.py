# SPDX-License-Identifier: Apache-2.0
"""What a `.fgs` file holds, byte by byte, and whether it is sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexgs.codec.decode import decode_splats
from flexgs.codec.kinds import METADATA, PROFILES, RD_PROFILE, SEGMENT_PROFILE, attribute_of
from flexgs.codec.opening import open_container
from flexgs.codec.rd_file.head import RdHead
from flexgs.codec.rd_file.sections import open_rd
from flexgs.codec.segment.decode import open_segment
from flexgs.codec.segment.head import Head
from flexgs.container import ENTRY, HEADER_BYTES, Entry, load_metadata
from flexgs.core.splats import Model
from flexgs.entropy import codec_by_code
from flexgs.errors import FormatError, UsageError
from flexgs.limits import DEFAULT_LIMITS, Limits
from flexgs.quant import SegmentPlan


@dataclass(frozen=True)
class SectionInfo:
    """One section."""

    attribute: str
    kind: int
    chunk: int  # 0: the whole file
    codec: str
    stored: int  # bytes
    raw: int  # bytes
    tag: int


@dataclass(frozen=True)
class FileInfo:
    """A file's content; `bytes_by_attribute` sums to `total_bytes`."""

    n: int
    d: int
    degree: int
    model: Model
    profile: str
    version: tuple[int, int]
    segments: int  # 0 for profiles without them
    chunks: int
    plan: SegmentPlan | None  # of the segment profile
    metadata: dict[str, Any]  # as given to the encoder
    writer: str
    total_bytes: int
    bytes_by_attribute: dict[str, int]  # "container": header, head and table of contents
    sections: tuple[SectionInfo, ...]


def describe(data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS) -> FileInfo:
    """Everything but the Gaussians themselves; checksums and lengths are checked.

    Raises:
        FormatError: the file is not sound.
    """
    container, payload = open_container(data, limits)
    profile = PROFILES[payload[0]] if payload else PROFILES[SEGMENT_PROFILE]
    entry_or_none = container.find(METADATA, 0)
    values = {} if entry_or_none is None else load_metadata(container.read(entry_or_none))
    d, segments, plan = 3, 0, None
    head: Head | RdHead
    if profile == PROFILES[RD_PROFILE]:
        head = open_rd(container, payload, limits)
    else:
        head = open_segment(container, payload, limits)
        d, segments, plan = head.d, head.segments, _plan(values.get("plan"), head.plan)
    notes = values.get("notes")
    sections = tuple(_section_info(entry) for entry in container.entries)
    return FileInfo(
        n=head.n,
        d=d,
        degree=head.degree,
        model=head.model,
        profile=profile,
        version=container.version,
        segments=segments,
        chunks=head.chunks,
        plan=plan,
        metadata=notes if isinstance(notes, dict) else {},
        writer=f"flexgs {values.get('flexgs', 'unknown')}",
        total_bytes=len(container.data),
        bytes_by_attribute=_bytes_by_attribute(sections),
        sections=sections,
    )


def _section_info(entry: Entry) -> SectionInfo:
    name, codec = attribute_of(entry.kind), codec_by_code(entry.codec).name
    return SectionInfo(name, entry.kind, entry.index, codec, entry.stored, entry.raw, entry.tag)


def _bytes_by_attribute(sections: tuple[SectionInfo, ...]) -> dict[str, int]:
    totals = {"container": HEADER_BYTES + ENTRY.size * len(sections)}
    for section in sections:
        totals[section.attribute] = totals.get(section.attribute, 0) + section.stored
    return totals


def verify(data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS) -> FileInfo:
    """`describe` after decoding everything: checksums, lengths, streams and ranges.

    Raises:
        FormatError: the file is not sound.
    """
    decode_splats(data, limits)
    return describe(data, limits)


def _plan(stored: object, widths: SegmentPlan) -> SegmentPlan:
    """The plan as asked for, when the metadata tell it and agree with the head."""
    if isinstance(stored, dict):
        try:
            plan = SegmentPlan.from_dict(stored)
        except (UsageError, TypeError, FormatError):
            return widths
        if all(getattr(plan, k) == v for k, v in _widths(widths).items()):
            return plan
    return widths


def _widths(plan: SegmentPlan) -> dict[str, object]:
    skipped = ("segments", "codec", "level")
    return {name: value for name, value in plan.to_dict().items() if name not in skipped}

# SPDX-License-Identifier: Apache-2.0
"""What a `.fgs` file holds, byte by byte, and whether it is sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexgs.codec.decode import decode_splats, open_file
from flexgs.codec.head import PROFILES, SEGMENT_PROFILE
from flexgs.codec.kinds import METADATA, attribute_of
from flexgs.container import ENTRY, HEADER_BYTES, load_metadata
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
    segments: int
    chunks: int
    plan: SegmentPlan
    metadata: dict[str, Any]  # as given to encode_splats
    writer: str
    total_bytes: int
    bytes_by_attribute: dict[str, int]  # "container": header, head and table of contents
    sections: tuple[SectionInfo, ...]


def describe(data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS) -> FileInfo:
    """Everything but the Gaussians themselves; checksums and lengths are checked.

    Raises:
        FormatError: the file is not sound.
    """
    container, head = open_file(data, limits)
    sections = []
    totals = {"container": HEADER_BYTES + ENTRY.size * len(container.entries)}
    for entry in container.entries:
        name = attribute_of(entry.kind)
        totals[name] = totals.get(name, 0) + entry.stored
        codec = codec_by_code(entry.codec).name
        sections.append(
            SectionInfo(name, entry.kind, entry.index, codec, entry.stored, entry.raw, entry.tag)
        )
    entry_or_none = container.find(METADATA, 0)
    values = {} if entry_or_none is None else load_metadata(container.read(entry_or_none))
    notes = values.get("notes")
    return FileInfo(
        n=head.n,
        d=head.d,
        degree=head.degree,
        model=head.model,
        profile=PROFILES[SEGMENT_PROFILE],
        version=container.version,
        segments=head.segments,
        chunks=head.chunks,
        plan=_plan(values.get("plan"), head.plan),
        metadata=notes if isinstance(notes, dict) else {},
        writer=f"flexgs {values.get('flexgs', 'unknown')}",
        total_bytes=len(container.data),
        bytes_by_attribute=totals,
        sections=tuple(sections),
    )


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

# SPDX-License-Identifier: Apache-2.0
"""Which sections a chunk of the `rd` profile has, checked before any is decoded."""

from __future__ import annotations

from flexgs.codec.kinds import RD_KINDS
from flexgs.codec.opening import check_owners, check_size
from flexgs.codec.rd_file.head import RdHead, read_rd_head
from flexgs.codec.rd_file.plain import ITEM_BYTES, channels_of
from flexgs.container import Container, Entry
from flexgs.entropy import byte_codecs
from flexgs.errors import Corrupt
from flexgs.limits import Limits

MODELLED, PLAIN = 0, 1  # tags: context-coded, or integers through a byte codec
GEOMETRY = ("means", "opacity_logits", "log_scales", "quats")  # attributes that share a tag
COLOURS = ("dc", "sh")


def attributes_of(degree: int) -> tuple[str, ...]:
    """Attributes that have sections, in the order of their numbers."""
    return (*GEOMETRY, *COLOURS) if degree else (*GEOMETRY, COLOURS[0])


def open_rd(container: Container, payload: bytes, limits: Limits) -> RdHead:
    """The head, after all checks that need no decoding; `payload` is that of HEAD.

    Raises:
        FormatError: counts, sizes or sections do not agree.
    """
    head = read_rd_head(payload)
    check_size(container, head.n, head.decoded_bytes, limits)
    keys = set()
    bounds = head.bounds.tolist()
    for index in range(head.chunks):
        rows = bounds[index + 1] - bounds[index]
        for group in (GEOMETRY, COLOURS):
            tags = set()
            for entry in entries_of(container, head, index, group).values():
                _check_entry(entry, rows, head.degree)
                keys.add((entry.index, entry.kind))
                tags.add(entry.tag)
            if len(tags) > 1:
                raise Corrupt("streams of one chunk in two forms", section=f"chunk {index}")
    check_owners(container, keys)
    return head


def entries_of(
    container: Container, head: RdHead, index: int, group: tuple[str, ...]
) -> dict[str, Entry]:
    """Sections of some attributes of a chunk, by attribute.

    Raises:
        Corrupt: one is missing.
    """
    names = attributes_of(head.degree)
    return {name: container.require(RD_KINDS[name], index + 1) for name in group if name in names}


def _check_entry(entry: Entry, rows: int, degree: int) -> None:
    if entry.tag not in (MODELLED, PLAIN):
        raise Corrupt(
            "unknown form of a stream",
            section=entry.name,
            offset=entry.offset,
            expected=f"{MODELLED} or {PLAIN}",
            found=entry.tag,
        )
    name = next(name for name, kind in RD_KINDS.items() if kind == entry.kind)
    if entry.tag == MODELLED:
        wrong = entry.codec != byte_codecs.get("raw").code or entry.raw != entry.stored
    else:
        wrong = entry.raw != ITEM_BYTES * channels_of(name, degree) * rows
    if wrong:
        raise Corrupt(
            "a section's length or codec does not follow from its form",
            section=entry.name,
            offset=entry.offset,
            found=entry.raw,
        )

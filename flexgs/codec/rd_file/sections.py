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

MODELLED, PLAIN = 0, 1  # tags: context-coded, or columns of integers through a byte codec


def attributes_of(degree: int) -> tuple[str, ...]:
    """Attributes that have sections, in the order of their numbers."""
    return tuple(name for name in RD_KINDS if channels_of(name, degree))


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
        for name, entry in entries_of(container, head, index).items():
            _check_entry(entry, name, head.degree, bounds[index + 1] - bounds[index])
            keys.add((entry.index, entry.kind))
    check_owners(container, keys)
    return head


def entries_of(container: Container, head: RdHead, index: int) -> dict[str, Entry]:
    """Sections of a chunk by attribute, in the order of decoding.

    Raises:
        Corrupt: one is missing.
    """
    return {
        name: container.require(RD_KINDS[name], index + 1) for name in attributes_of(head.degree)
    }


def _check_entry(entry: Entry, name: str, degree: int, rows: int) -> None:
    if entry.tag not in (MODELLED, PLAIN):
        raise Corrupt(
            "unknown form of a stream",
            section=entry.name,
            offset=entry.offset,
            expected=f"{MODELLED} or {PLAIN}",
            found=entry.tag,
        )
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

# SPDX-License-Identifier: Apache-2.0
"""Numbers of profiles and sections, and which attribute each section belongs to."""

from __future__ import annotations

from flexgs.codec.segment.kinds import MEANS, SEGMENT_KINDS, SH_LEVELS, groups

SEGMENT_PROFILE = 1
RD_PROFILE = 2
PROFILES = {SEGMENT_PROFILE: "segment", RD_PROFILE: "rd"}

HEAD = 0x01  # of the whole file, as are the next two
METADATA = 0x02  # optional
PADDING = 0x03  # optional

# one section a chunk and attribute, in the order of decoding
RD_KINDS = {
    "means": 0x80,
    "opacity_logits": 0x81,
    "log_scales": 0x82,
    "quats": 0x83,
    "dc": 0x84,
    "sh": 0x85,
}

KNOWN_KINDS = frozenset({HEAD, METADATA, PADDING, *SEGMENT_KINDS, *RD_KINDS.values()})


def attribute_of(kind: int) -> str:
    """Name under which a section's bytes are reported.

    >>> attribute_of(0x11), attribute_of(0x41), attribute_of(0x20), attribute_of(0x02)
    ('means', 'sh', 'sh', 'metadata')
    """
    if MEANS <= kind < MEANS + 8:
        return "means"
    if kind == SH_LEVELS:
        return "sh"
    if kind == METADATA:
        return "metadata"
    for group in groups(3, 4, 4):
        if group.kind <= kind < group.kind + 4:
            return group.name
    for name, number in RD_KINDS.items():
        if kind == number:
            return name
    return "container"

# SPDX-License-Identifier: Apache-2.0
"""What every profile checks before it decodes: checksums, sizes, and that every section belongs."""

from __future__ import annotations

from collections.abc import Set

from flexgs.codec.kinds import HEAD, KNOWN_KINDS, METADATA, PADDING, PROFILES
from flexgs.container import RATIO_SLACK_BYTES, Container, unpack
from flexgs.errors import Corrupt, TooLarge, Unsupported
from flexgs.limits import Limits


def open_container(data: bytes | memoryview, limits: Limits) -> tuple[Container, bytes]:
    """The container, all its checksums checked, and the bytes of HEAD: a known profile's.

    Raises:
        FormatError: truncated, damaged, of another version or profile.
    """
    container = unpack(data, KNOWN_KINDS, limits)
    for entry in container.entries:
        container.stored(entry)
    payload = container.read(container.require(HEAD, 0))
    if payload[:1] and payload[0] not in PROFILES:
        raise Unsupported(
            "the file has a profile that this version cannot read",
            section="head",
            expected=sorted(PROFILES),
            found=payload[0],
            hint="a newer flexgs may read it",
        )
    return container, payload


def check_size(container: Container, n: int, decoded_bytes: int, limits: Limits) -> None:
    """Refuses scenes beyond the limits, or beyond what a file of this length may expand to.

    Raises:
        TooLarge: it is.
    """
    allowed = limits.max_ratio * len(container.data) + RATIO_SLACK_BYTES
    if n > limits.max_gaussians or decoded_bytes > min(limits.max_raw_bytes, allowed):
        raise TooLarge(
            "the scene is too large",
            section="head",
            expected=f"at most {limits.max_gaussians} Gaussians and {allowed} decoded bytes",
            found=f"{n} Gaussians, {decoded_bytes} bytes",
            hint="raise the limits only for a file you trust",
        )


def check_owners(container: Container, chunk_keys: Set[tuple[int, int]]) -> None:
    """Refuses sections that no reader would look at; keys are (part, kind).

    Raises:
        Corrupt: there is one.
    """
    known = {(0, HEAD), (0, METADATA), (0, PADDING), *chunk_keys}
    for entry in container.entries:
        if entry.kind in KNOWN_KINDS and (entry.index, entry.kind) not in known:
            raise Corrupt("a section that belongs to nothing", section=entry.name)

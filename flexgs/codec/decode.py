# SPDX-License-Identifier: Apache-2.0
"""The bytes of a `.fgs` file of any profile -> Splats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flexgs.codec.kinds import RD_PROFILE
from flexgs.codec.opening import open_container
from flexgs.codec.segment.decode import decode_segment
from flexgs.core import Splats
from flexgs.core.splats import SH_COEFFICIENTS, Model
from flexgs.limits import DEFAULT_LIMITS, Limits


def decode_splats(
    data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS, *, threads: int | None = None
) -> Splats:
    """All Gaussians, in Morton order. Every checksum is checked before anything is allocated.

    Only the `rd` profile loads numba. `threads`: at most so many; None for all cores.

    Raises:
        FormatError: the file is truncated, corrupt, too new or too large (Truncated, Corrupt,
            Unsupported, TooLarge), with section and offset.
    """
    container, payload = open_container(data, limits)
    if payload[:1] == bytes([RD_PROFILE]):
        from flexgs.codec.rd_file.decode import decode_rd  # compiled kernels

        return decode_rd(container, payload, limits, threads)
    return decode_segment(container, payload, limits, threads)


@dataclass(frozen=True)
class Parts:
    """A file's Gaussians part by part; the parts can be gone through once."""

    n: int  # Gaussians of all parts
    coefficients: int  # of their harmonics
    model: Model
    parts: Iterator[Splats]


def decode_parts(data: bytes | memoryview, limits: Limits = DEFAULT_LIMITS) -> Parts:
    """`decode_splats` of a chunk at a time (`rd`); `segment` files are one part.

    Raises:
        FormatError: see `decode_splats`; of a chunk's streams when its turn comes.
    """
    container, payload = open_container(data, limits)
    if payload[:1] != bytes([RD_PROFILE]):
        whole = decode_segment(container, payload, limits, None)
        return Parts(whole.n, whole.sh.shape[1], whole.model, iter([whole]))
    from flexgs.codec.rd_file.decode import decode_rd_chunk  # compiled kernels
    from flexgs.codec.rd_file.sections import open_rd

    head = open_rd(container, payload, limits)
    parts = (decode_rd_chunk(container, head, index) for index in range(head.chunks))
    return Parts(head.n, SH_COEFFICIENTS[head.degree], head.model, parts)

# SPDX-License-Identifier: Apache-2.0
"""The bytes of a `.fgs` file of any profile -> Splats."""

from __future__ import annotations

from flexgs.codec.kinds import RD_PROFILE
from flexgs.codec.opening import open_container
from flexgs.codec.segment.decode import decode_segment
from flexgs.core import Splats
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

# SPDX-License-Identifier: Apache-2.0
"""What a compressed scene file may expand to, checked before anything is unpacked."""

from __future__ import annotations

from flexgs.errors import TooLarge
from flexgs.limits import Limits

RATIO_SLACK_BYTES = 1 << 20  # any file may expand to as much


def check_expansion(count: int, raw_bytes: int, stored_bytes: int, limits: Limits) -> None:
    """Whether `count` Gaussians in `raw_bytes` may come out of a file of `stored_bytes`.

    Raises:
        TooLarge: more Gaussians or bytes than `limits` allow.
    """
    if count > limits.max_gaussians:
        raise TooLarge(
            "more Gaussians than the limit",
            section="header",
            expected=f"at most {limits.max_gaussians}",
            found=count,
            hint="raise the limits only for a file you trust",
        )
    allowed = min(limits.max_raw_bytes, limits.max_ratio * stored_bytes + RATIO_SLACK_BYTES)
    if raw_bytes > allowed:
        raise TooLarge(
            "the file would expand too far",
            section="header",
            expected=f"at most {allowed} bytes",
            found=raw_bytes,
            hint="raise the limits only for a file you trust",
        )

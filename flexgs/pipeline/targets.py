# SPDX-License-Identifier: Apache-2.0
"""What the user asked for, as something the search can work with."""

from __future__ import annotations

from flexgs.errors import UsageError
from flexgs.options import CompressOptions
from flexgs.pipeline.meter import Meter
from flexgs.quality import Scene, drop_from_psnr
from flexgs.search import MaxBytes, MaxDrop, Target, ratio_target


def resolve_target(options: CompressOptions, original_bytes: int, meter: Meter[Scene]) -> Target:
    """The search's target. A PSNR becomes a drop from the original's on the search views.

    Raises:
        UsageError: the original itself is worse than the PSNR asked for.
    """
    kind, value = options.target
    if kind == "size":
        return MaxBytes(int(value))
    if kind == "ratio":
        return ratio_target(original_bytes, value)
    if kind == "psnr_drop":
        return MaxDrop(value)
    original = meter.original_psnr
    if original is None:  # no photographs: PSNR against the original renders
        return MaxDrop(drop_from_psnr(value, meter.reference_psnr))
    if original <= value:
        raise UsageError(
            "the scene itself does not reach this PSNR",
            expected=f"less than {original:.2f} dB, the original's on the search views",
            found=f"{value:g} dB",
        )
    return MaxDrop(original - value)

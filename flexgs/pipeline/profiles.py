# SPDX-License-Identifier: Apache-2.0
"""Which profile a compression uses: the small one wherever it can say what is asked."""

from __future__ import annotations

from typing import Literal

from flexgs.core import Splats
from flexgs.errors import UsageError
from flexgs.options import CompressOptions

Profile = Literal["rd", "segment"]
PROFILES = ("auto", "rd", "segment")
SEGMENT_ONLY = ("sh_rate", "segments", "bits", "codec", "level", "score")
RD_ONLY = ("effort", "repair", "refine_s")


def choose_profile(options: CompressOptions, splats: Splats | None) -> Profile:
    """`auto` is `rd`, but for what only `segment` has: its own options, and flat discs.

    Raises:
        UsageError: an unknown profile, one with options of the other, or `rd` for flat discs.
    """
    if options.profile not in PROFILES:
        raise UsageError("unknown profile", expected=" | ".join(PROFILES), found=options.profile)
    segment, rd = options.changed(SEGMENT_ONLY), options.changed(RD_ONLY)
    if rd and (segment or options.profile == "segment"):
        _refuse(rd[0], "rd")
    if segment and options.profile == "rd":
        _refuse(segment[0], "segment")
    if segment or options.profile == "segment":
        return "segment"
    if splats is None or (splats.d == 3 and splats.model != "2dgs"):
        return "rd"
    if rd or options.profile == "rd":
        raise UsageError(
            "the rd profile holds no flat Gaussians",
            expected="a scene of 3dgs or mip",
            found=splats.model,
            hint="Use --profile segment without options of the rd profile.",
        )
    return "segment"


def _refuse(name: str, profile: Profile) -> None:
    option = name.removesuffix("_s").replace("_", "-")
    raise UsageError(
        f"--{option} belongs to the {profile} profile",
        expected=f"--profile {profile} and only its options",
        found=f"--{option} together with the other profile",
    )

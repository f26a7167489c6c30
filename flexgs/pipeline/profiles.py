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
RD_ONLY = ("effort", "repair")


def choose_profile(options: CompressOptions, splats: Splats | None) -> Profile:
    """`auto` is `rd`, but for what only `segment` has: its own options, and flat discs.

    Raises:
        UsageError: an unknown profile, or one with options of the other.
    """
    if options.profile not in PROFILES:
        raise UsageError("unknown profile", expected=" | ".join(PROFILES), found=options.profile)
    segment, rd = options.changed(SEGMENT_ONLY), options.changed(RD_ONLY)
    if rd and (segment or options.profile == "segment"):
        _refuse(rd[0], "rd")
    if segment and options.profile == "rd":
        _refuse(segment[0], "segment")
    flat = splats is not None and (splats.d != 3 or splats.model == "2dgs")
    if options.profile == "segment" or segment or (flat and options.profile == "auto"):
        return "segment"
    return "rd"


def _refuse(name: str, profile: Profile) -> None:
    option = name.removesuffix("_s").replace("_", "-")
    raise UsageError(
        f"--{option} belongs to the {profile} profile",
        expected=f"--profile {profile} and only its options",
        found=f"--{option} together with the other profile",
    )

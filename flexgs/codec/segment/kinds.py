# SPDX-License-Identifier: Apache-2.0
"""Numbers of the sections of the `segment` profile."""

from __future__ import annotations

from dataclasses import dataclass

from flexgs.quant import SegmentPlan

MEANS = 0x10  # byte planes 0x10 (lowest) to 0x17
SH_LEVELS = 0x20
RANGES, PLANE = 0, 1  # added to a group's number; the high plane of wide symbols is PLANE + 1


@dataclass(frozen=True)
class Group:
    """Channels that share a width. `band` is 0 but for the SH rest, whose rows are a subset."""

    name: str  # the attribute in reports
    kind: int
    plan_field: str
    channels: int
    band: int = 0

    def bits(self, plan: SegmentPlan) -> int:
        """Width of its symbols."""
        return int(getattr(plan, self.plan_field))


def groups(d: int, degree: int, rotation: int) -> tuple[Group, ...]:
    """All groups of a scene, in the order of their numbers; `rotation` channels of quaternions."""
    plain = (
        Group("log_scales", 0x30, "scales", d),
        Group("quats", 0x34, "quats", rotation),
        Group("opacity_logits", 0x38, "opacity", 1),
        Group("dc", 0x3C, "dc", 3),
    )
    bands = (
        Group("sh", 0x40 + 4 * (band - 1), "sh", 3 * (2 * band + 1), band)
        for band in range(1, degree + 1)
    )
    return (*plain, *bands)


SEGMENT_KINDS = frozenset(
    {SH_LEVELS}
    | set(range(MEANS, MEANS + 8))
    | {group.kind + part for group in groups(3, 4, 4) for part in (RANGES, PLANE, PLANE + 1)}
)

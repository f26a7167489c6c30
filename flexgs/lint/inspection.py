# SPDX-License-Identifier: Apache-2.0
"""inspect(): a scene read without judgement, then judged."""

from __future__ import annotations

from pathlib import Path

from flexgs.limits import DEFAULT_LIMITS, Limits
from flexgs.lint.columns import PlyFacts, ply_facts
from flexgs.lint.model import Finding, Inspection
from flexgs.lint.oddities import find_oddities
from flexgs.lint.outcomes import choose_formats, try_formats
from flexgs.lint.ranges import attribute_ranges
from flexgs.lint.values import find_faults
from flexgs.scenes import open_unchecked, scene_bytes

_SEVERITIES = ("error", "warning", "info")
_SPZ_AXES = Finding(
    "info",
    "axes",
    "SPZ files without a coordinate extension hold the axes of a .ply, or RUB; this one is taken "
    "for the former",
    hint="if it stands on its head: flexgs transform --rotate 180,0,0",
)


def inspect(
    path: str | Path, *, formats: str = "quick", limits: Limits = DEFAULT_LIMITS
) -> Inspection:
    """What a scene file holds, what is odd or wrong about it, what other formats would lose.

    Bad values are findings, and not errors as they are to all other functions.

    Args:
        path: a scene of any format.
        formats: to try: "quick" (all but SOG), "all", "none", or names with commas.
        limits: what the file may make us allocate.

    Raises:
        UsageError: the file cannot be read, or no such format.
        FormatError: it is no scene, or damaged.
        SceneError: a `filter_3D` that cannot be fused.
    """
    wanted = choose_formats(formats)
    entry, file = open_unchecked(path, limits=limits)
    splats = file.splats
    is_ply = entry.name in ("ply", "compressed-ply")
    header = ply_facts(path) if is_ply else PlyFacts()
    faults, sound, rows = find_faults(splats, path, raw=entry.name == "ply")
    notes = [Finding("info", "reader", note) for note in file.notes]
    if entry.name == "spz" and not file.axes:
        notes.append(_SPZ_AXES)
    findings = [*faults, *header.findings, *notes, *find_oddities(sound, rows)]
    return Inspection(
        name=Path(path).name,
        format=entry.name,
        variant=file.variant,
        size_bytes=scene_bytes(path),
        gaussians=splats.n,
        dimensions=splats.d,
        sh_degree=splats.degree,
        model=splats.model,
        axes=file.axes,
        comments=header.comments,
        columns=header.columns,
        ranges=attribute_ranges(splats),
        findings=tuple(sorted(findings, key=lambda found: _SEVERITIES.index(found.severity))),
        outcomes=try_formats(sound, wanted) if sound.n and formats != "none" else (),
    )

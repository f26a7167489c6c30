# SPDX-License-Identifier: Apache-2.0
"""Which format a compression writes: as its name says."""

from __future__ import annotations

from pathlib import Path

from flexgs.errors import UsageError
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.io.formats.table import format_of_name, scene_formats
from flexgs.options import CompressOptions
from flexgs.pipeline.profiles import SEGMENT_ONLY

OWN = "fgs"
OWN_ONLY = ("profile", "refine_s", "pruning_rate", *SEGMENT_ONLY)


def choose_format(options: CompressOptions, output: str | Path | None) -> SceneFormat:
    """The format asked for, by option or by the output's name; without either, .fgs.

    Raises:
        UsageError: no such format, one that is only read, a name of another one, or an option that
            only .fgs files have.
    """
    entry = scene_formats.get(options.format or OWN)
    if output is not None:
        named = format_of_name(output)
        if options.format is not None and named is not entry:
            raise UsageError(
                f"the output is a {entry.suffixes[0]} file",
                path=output,
                expected=f"a name that ends in {' or '.join(entry.suffixes)}",
            )
        entry = named
    if entry.name == OWN:
        return entry
    if entry.name != "ply" and not entry.encoders:
        raise UsageError(f"{entry.name} files are read only", path=output)
    changed = options.changed(OWN_ONLY)
    if changed:
        option = changed[0].removesuffix("_s").replace("_", "-")
        raise UsageError(
            f"--{option} belongs to .fgs files",
            expected=f"no such option for {entry.suffixes[0]}",
            hint="Write a .fgs, or leave the option out.",
        )
    return entry

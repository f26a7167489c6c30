# SPDX-License-Identifier: Apache-2.0
"""Which format a compression writes: as its name says, or whichever is smallest."""

from __future__ import annotations

from pathlib import Path

from flexgs.core import Splats
from flexgs.errors import UsageError
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.io.formats.table import format_of_name, has_format_name, scene_formats
from flexgs.options import CompressOptions
from flexgs.pipeline.profiles import SEGMENT_ONLY

OWN = "fgs"
AUTO = SceneFormat("auto", ("",), lambda _: False)  # no format: whichever is smallest
OWN_ONLY = ("profile", "refine_s", "pruning_rate", *SEGMENT_ONLY)
# What auto chooses from: formats that the viewers of the web read (docs/formats.md), but for those
# that hold the same numbers in more bytes.
CANDIDATES = ("spz", "sog", "compressed-ply", "ksplat", "splat")


def choose_format(options: CompressOptions, output: str | Path | None) -> SceneFormat:
    """The format asked for, by option or by the output's name; without either, .fgs.

    Raises:
        UsageError: no such format, one that is only read, a name of another one, a name that
            leaves nothing to choose, or an option that only .fgs files have.
    """
    if options.format == AUTO.name:
        if output is not None and has_format_name(output):
            raise UsageError(
                "--format auto chooses the suffix",
                path=output,
                expected="a name without one, as in -o scene",
                hint="Leave the suffix out, or --format auto.",
            )
        _refuse_own_options(options, "other formats")
        return AUTO
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
    _refuse_own_options(options, entry.suffixes[0])
    return entry


def _refuse_own_options(options: CompressOptions, of: str) -> None:
    changed = options.changed(OWN_ONLY)
    if changed:
        option = changed[0].removesuffix("_s").replace("_", "-")
        raise UsageError(
            f"--{option} belongs to .fgs files",
            expected=f"no such option for {of}",
            hint="Write a .fgs, or leave the option out.",
        )


def path_of(output: str | Path, name: str) -> Path:
    """Where the file of a format goes: behind a name without a suffix, that of the format.

    >>> path_of("my.scene", "sog").name, path_of("small.spz", "spz").name
    ('my.scene.sog', 'small.spz')
    """
    suffix = scene_formats.get(name).suffixes[0]
    return Path(output) if has_format_name(output) else Path(f"{output}{suffix}")


def candidates(name: str, splats: Splats) -> tuple[SceneFormat, ...]:
    """The format of that id; for auto, all that can say what kind of scene it is."""
    if name != AUTO.name:
        return (scene_formats.get(name),)
    entries = (scene_formats.get(each) for each in CANDIDATES)
    return tuple(entry for entry in entries if splats.model in entry.models)

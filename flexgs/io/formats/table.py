# SPDX-License-Identifier: Apache-2.0
"""All scene formats, and which of them a file has: content first, the name second."""

from __future__ import annotations

from pathlib import Path

from flexgs.errors import UsageError
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.io.sniff import FGS_MAGIC, Probe, known_stranger, probe_file, stranger
from flexgs.registry import Registry

scene_formats: Registry[SceneFormat] = Registry("scene format")


def _add(entry: SceneFormat) -> None:
    scene_formats.add(entry.name, entry)


# Read and written by flexgs.io.ply and flexgs.codec, with arguments of their own.
_add(SceneFormat("ply", (".ply",), lambda p: p.is_ply, models=("3dgs", "mip", "2dgs")))
_add(SceneFormat("fgs", (".fgs",), lambda p: p.start.startswith(FGS_MAGIC)))


def find_format(path: str | Path) -> SceneFormat:
    """The format of a file or folder.

    Raises:
        UsageError: it cannot be read.
        FormatError: it is something else: empty, a Git LFS pointer, HTML, a pickle, a picture...
    """
    return format_of(probe_file(path))


def format_of(probe: Probe) -> SceneFormat:
    """The format of what was probed: by its magic, then by likely content, then by name.

    Raises:
        FormatError: see `find_format`.
    """
    entries = [scene_formats.get(name) for name in scene_formats]
    for entry in entries:
        if entry.has_magic and entry.matches(probe):
            return entry
    error = known_stranger(probe)
    if error is not None:
        raise error
    weak = [entry for entry in entries if not entry.has_magic]
    for entry in weak:
        if probe.suffix in entry.suffixes:
            return entry
    for entry in weak:
        if entry.matches(probe):
            return entry
    raise stranger(probe)


def format_of_name(path: str | Path) -> SceneFormat:
    """The format that an output's name asks for; the longest suffix counts.

    Raises:
        UsageError: no format has such a name.
    """
    name = Path(path).name.lower()
    entries = [scene_formats.get(entry) for entry in scene_formats]
    ends = {suffix: entry for entry in entries for suffix in entry.suffixes}
    fitting = [suffix for suffix in ends if name.endswith(suffix)]
    if not fitting:
        raise UsageError(
            "the name says no scene format",
            path=path,
            expected=f"a name that ends in {', '.join(sorted(ends))}",
        )
    return ends[max(fitting, key=len)]

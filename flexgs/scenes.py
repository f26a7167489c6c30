# SPDX-License-Identifier: Apache-2.0
"""Scene files in and out, whatever their format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flexgs.codec import read_fgs
from flexgs.core import Splats
from flexgs.io import SceneFile, ensure_output, ensure_suffix, read_ply, write_ply
from flexgs.io.formats.table import find_format
from flexgs.limits import DEFAULT_LIMITS, Limits


def open_scene(
    path: str | Path, *, drop_invalid: bool = False, limits: Limits = DEFAULT_LIMITS
) -> SceneFile:
    """A .ply or .fgs file, chosen by content, with notes on what was odd about it.

    Raises:
        UsageError, FormatError, SceneError: see `read_ply` and `read_fgs`.
    """
    if find_format(path).name == "ply":
        return read_ply(path, drop_invalid=drop_invalid, limits=limits)
    return SceneFile(read_fgs(path, limits))


def read_scene(path: str | Path) -> Splats:
    """The Gaussians of a .ply or .fgs file.

    Raises:
        UsageError, FormatError, SceneError: see `open_scene`.
    """
    return open_scene(path).splats


def write_scene(
    splats: Splats, path: str | Path, *, force: bool = False, inputs: Iterable[str | Path] = ()
) -> None:
    """Writes a .ply that any viewer opens (INRIA's layout, same SH degree).

    Raises:
        UsageError: not a .ply name, or the output cannot be written (see `write_ply`).
    """
    ensure_suffix(path, ".ply")
    write_ply(path, splats, force=force, inputs=inputs)


def decompress(
    path: str | Path, output: str | Path | None = None, *, force: bool = False
) -> Splats:
    """Decodes a .fgs file; writes a .ply too when `output` is given.

    Raises:
        UsageError, FormatError, SceneError: see `open_scene` and `write_scene`.
    """
    if output is not None:
        ensure_suffix(output, ".ply")
        ensure_output(output, force, [path])
    splats = read_scene(path)
    if output is not None:
        write_scene(splats, output, force=force, inputs=[path])
    return splats

# SPDX-License-Identifier: Apache-2.0
"""Streamed SOG: lod-meta.json, a tree of regions with ranges of rows at each level of detail."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from flexgs.core.joining import join_splats
from flexgs.core.splats import Model
from flexgs.errors import TooLarge, Unsupported, UsageError
from flexgs.io.cameras.values import Fields
from flexgs.io.formats.sog.source import Files
from flexgs.io.ply import SceneFile
from flexgs.limits import MAX_LOD_FILES, MAX_LOD_NODES, Limits

LOD_META = "lod-meta.json"

ReadUnit = Callable[[Files, str, Limits], SceneFile]
Span = tuple[int, int]  # first row, rows


def read_level(
    table: object, files: Files, level: int, limits: Limits, read_unit: ReadUnit
) -> SceneFile:
    """All regions at one level of detail (or the nearest that a region has), and the environment.

    Raises:
        UsageError: there is no such level.
        FormatError: the table or a scene that it names is broken.
    """
    fields = Fields(table, files.origin, LOD_META)
    if "version" in fields and fields.integer("version") != 1:
        raise Unsupported("a newer streamed SOG", path=files.origin, found=fields.table["version"])
    levels = fields.integer("lodLevels")
    if levels < 1:
        fields.fail("no level of detail", expected="at least 1", found=levels)
    if not 0 <= level < levels:
        raise UsageError(
            "no such level of detail", path=files.origin, expected=f"0 to {levels - 1}", found=level
        )
    names = fields.table.get("filenames")
    if not isinstance(names, list):
        fields.fail("no list of file names", found=type(names).__name__)
    spans = _spans_by_file(fields, level, len(names))
    parts: list[tuple[str, list[Span] | None]] = [
        (_path(names[number], fields), spans[number]) for number in sorted(spans)
    ]
    if "environment" in fields:
        parts.append((_path(fields.text("environment"), fields), None))
    if not 0 < len(parts) <= MAX_LOD_FILES:
        fields.fail("no Gaussians, or too many files", expected=f"1 to {MAX_LOD_FILES} files")
    if len({name for name, _ in parts}) != len(parts):
        fields.fail("a file stands twice in the list", expected="each once")
    scenes, left = [], limits.max_gaussians
    for name, own in parts:
        scene = read_unit(files, name, replace(limits, max_gaussians=left))
        left -= scene.splats.n  # the rows that are not needed were decoded, too
        if own is not None:
            rows = _rows(own, scene.splats.n, fields)
            scene = SceneFile(scene.splats.select(rows), scene.notes)
        scenes.append(scene)
    return _joined(scenes, f"level of detail {level} of {levels}")


def _path(name: object, fields: Fields) -> str:
    return posixpath.normpath(Fields({"file": name}, fields.path, LOD_META).text("file"))


def _spans_by_file(fields: Fields, level: int, files: int) -> dict[int, list[Span]]:
    """Rows of each file that a level needs; walks the tree without recursion."""
    spans: dict[int, list[Span]] = {}
    waiting: list[Any] = [fields.table.get("tree")]
    left = MAX_LOD_NODES
    while waiting:
        left -= 1
        if left < 0:
            raise TooLarge(
                "too many regions", path=fields.path, section=LOD_META, expected=MAX_LOD_NODES
            )
        node = Fields(waiting.pop(), fields.path, f"{LOD_META}: tree")
        children, lods = node.table.get("children", []), node.table.get("lods", {})
        if not isinstance(children, list) or not isinstance(lods, dict):
            node.fail("children and lods are a list and an object")
        waiting += children
        numbers = {
            int(key): key for key in lods if key.isascii() and key.isdigit() and len(key) < 6
        }
        if not numbers:
            continue
        nearest = min(numbers, key=lambda found: (abs(found - level), found < level))
        span = Fields(lods[numbers[nearest]], fields.path, f"{LOD_META}: lods")
        file, offset, count = (span.integer(name) for name in ("file", "offset", "count"))
        if not 0 <= file < files or offset < 0 or count < 0:
            span.fail("not a range of rows", found=f"file {file}, offset {offset}, count {count}")
        if count:
            spans.setdefault(file, []).append((offset, count))
            if len(spans) > MAX_LOD_FILES:
                fields.fail("too many files", expected=f"1 to {MAX_LOD_FILES} files")
    return spans


def _rows(spans: list[Span], n: int, fields: Fields) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(n,) mask of the rows of all ranges, which must be inside and apart from each other."""
    mask = np.zeros(n, bool)
    last = 0
    for offset, count in sorted(spans):
        if offset < last or offset + count > n:
            fields.fail("ranges of rows overlap or end outside", expected=f"in {last} to {n}")
        last = offset + count
        mask[offset:last] = True
    return mask


def _joined(scenes: list[SceneFile], note: str) -> SceneFile:
    models = {scene.splats.model for scene in scenes}
    notes = [note, *dict.fromkeys(n for scene in scenes for n in scene.notes)]
    if len(models) > 1:
        notes.append("its parts are of different models; read as plain 3DGS")
    model: Model | None = "3dgs" if len(models) > 1 else None
    return SceneFile(join_splats([scene.splats for scene in scenes], model), tuple(notes))

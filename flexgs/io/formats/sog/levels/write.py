# SPDX-License-Identifier: Apache-2.0
"""Levels of detail -> the files of a streamed SOG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.io.formats.losses import Loss
from flexgs.io.formats.sog.encode import PRECISIONS, Precision
from flexgs.io.formats.sog.levels.tree import Node, bounds, cut_space
from flexgs.io.formats.sog.streamed import LOD_META
from flexgs.io.formats.sog.write import sog_files

LEAF = 1 << 15  # Gaussians of the finest level that a viewer switches as one
FILE = 1 << 17  # Gaussians of a file: another one begins once it has as many
_DIGITS = 7  # of the corners of boxes: float32

Weights = npt.NDArray[np.floating]
Spans = dict[str, dict[str, int]]  # of a leaf: level -> file, offset, count


@dataclass(frozen=True)
class _Part:
    """One file of a level."""

    level: int
    leaves: list[int]  # by number


def write_levels(
    levels: Sequence[Splats],
    weights: Sequence[Weights] | None = None,  # (n,) of each level
    precision: Precision = PRECISIONS[0],
    leaf: int = LEAF,
    file: int = FILE,
) -> tuple[dict[str, bytes], tuple[Loss, ...]]:
    """(files by name below one folder, what they do not hold) of a streamed SOG, version 1.

    Args:
        levels: the same scene from fine to coarse, each of at least one valid 3-D Gaussian.
        weights, precision: see `write_sog`.
        leaf: Gaussians of the finest level that are switched together.
        file: Gaussians of a level after which a new file begins.

    Raises:
        SceneError: a level is empty, or not of 3-D Gaussians of degree 0 to 3.
    """
    if not levels or any(level.d != 3 or level.n < 1 for level in levels):
        raise SceneError(
            "a streamed SOG has levels of 3-D Gaussians",
            expected="at least one Gaussian in each",
            found=", ".join(f"{level.n} in {level.d}-D" for level in levels) or "no level",
        )
    tree = cut_space(list(levels), leaf)
    leaves = list(tree.leaves())
    spans: list[Spans] = [{} for _ in leaves]
    files: dict[str, bytes] = {}
    names: list[str] = []
    losses: list[Loss] = []
    for part in _parts(leaves, len(levels), file):
        folder = f"{part.level}_{sum(name.startswith(f'{part.level}_') for name in names)}"
        rows = [leaves[number].rows[part.level] for number in part.leaves]
        counts = [len(each) for each in rows]
        for number, offset, count in zip(
            part.leaves, np.cumsum([0, *counts]), counts, strict=False
        ):
            span = {"file": len(names), "offset": int(offset), "count": count}
            spans[number][str(part.level)] = span
        names.append(f"{folder}/meta.json")
        picked = np.concatenate(rows)
        chosen = None if weights is None else weights[part.level][picked]
        groups = np.repeat(np.arange(len(rows)), counts)
        scene = levels[part.level].select(picked)
        found, lost = sog_files(scene, chosen, precision, groups)
        files |= {f"{folder}/{name}": data for name, data in found.items()}
        losses += [Loss(f"{folder}: {each.what}", each.count, each.worst) for each in lost]
    return {LOD_META: _meta(levels, names, tree, iter(spans)), **files}, tuple(losses)


def _parts(leaves: list[Node], levels: int, most: int) -> Iterator[_Part]:
    """The files of all levels, each of whole leaves; leaves without Gaussians are in none."""
    for level in range(levels):
        part, size = _Part(level, []), 0
        for number, node in enumerate(leaves):
            count = len(node.rows[level])
            if size >= most:
                yield part
                part, size = _Part(level, []), 0
            if count:
                part.leaves.append(number)
                size += count
        if part.leaves:
            yield part


def _meta(levels: Sequence[Splats], names: list[str], tree: Node, spans: Iterator[Spans]) -> bytes:
    counts = [level.n for level in levels]
    table = {
        "version": 1,
        "asset": {"generator": "flexgs"},
        "count": sum(counts),
        "counts": counts,
        "lodLevels": len(levels),
        "filenames": names,
        "tree": _node(tree, spans, levels),
    }
    return json.dumps(table, separators=(",", ":"), allow_nan=False).encode()


def _node(node: Node, spans: Iterator[Spans], levels: Sequence[Splats]) -> dict[str, Any]:
    """A box and what is in it; leaves take their spans in order."""
    if node.children:
        children = [_node(child, spans, levels) for child in node.children]
        corners = [(child["bound"]["min"], child["bound"]["max"]) for child in children]
        return {"bound": _bound(corners), "children": children}
    there = [(level, rows) for level, rows in zip(levels, node.rows, strict=True) if len(rows)]
    return {
        "bound": _bound([bounds(level.select(rows)) for level, rows in there]),
        "lods": next(spans),
    }


def _bound(corners: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> dict[str, list[float]]:
    """The box around some boxes, given by two corners each."""
    low = np.min([np.asarray(low) for low, _ in corners], axis=0)
    high = np.max([np.asarray(high) for _, high in corners], axis=0)
    return {
        name: [float(f"{value:.{_DIGITS}g}") for value in corner]
        for name, corner in (("min", low), ("max", high))
    }

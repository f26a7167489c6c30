# SPDX-License-Identifier: Apache-2.0
"""A .ply of any length -> blocks of equal numbers of Gaussians along the Morton curve.

The file is read twice, a piece at a time: for the means, of which the order is made, then for
everything, row by row to its place. Memory: about 40 bytes a Gaussian, whatever the rest is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.io import SceneFile
from flexgs.io.ply import read_ply_pieces
from flexgs.io.validate import refuse_ranges, validate_splats, value_ranges
from flexgs.limits import Limits
from flexgs.pipeline.blocks.stored.tables import (
    GEOMETRY,
    Tables,
    make_tables,
    save_boxes,
    splats_to_rows,
)
from flexgs.progress import Progress
from flexgs.quant.adaptive.cells import MAX_DEPTH, cell_codes, contract, find_cells
from flexgs.quant.positions import Frame, fit_frame

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

FRAME_SAMPLE = 1 << 18  # means that the grid is laid by
STEP = 1 << 18  # means whose codes are made at a time


@dataclass(frozen=True)
class Surveyed:
    """What the first reading tells."""

    means: F32  # (n, 3)
    coefficients: int
    model: str
    notes: tuple[str, ...]


def survey(path: Path, drop_invalid: bool, limits: Limits, progress: Progress) -> Surveyed:
    """Reads and checks everything, keeps the means.

    Raises:
        UsageError, FormatError, SceneError: see `open_scene`; the numbers of rows are the file's.
    """
    means, coefficients, model = [], 1, "3dgs"
    counts: Counter[str] = Counter()
    ranges: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for piece in valid_pieces(path, drop_invalid, limits, progress):
        splats = piece.splats
        for note in piece.notes:
            count, _, what = note.partition(" ")
            counts[what if count.isdigit() else note] += int(count) if count.isdigit() else 0
        if splats.n:
            means.append(np.array(splats.means))
            ranges.append(value_ranges(splats))
        coefficients, model = splats.sh.shape[1], splats.model
    if not means:
        raise SceneError("the scene holds no Gaussians: there is nothing to compress", path=path)
    low, high = np.array(ranges).min(axis=0)[:, 0], np.array(ranges).max(axis=0)[:, 1]
    if sum(map(len, means)) > 1:
        refuse_ranges((low[0], high[0]), (low[1], high[1]), path)
    notes = tuple(f"{count} {what}" if count else what for what, count in counts.items())
    return Surveyed(np.concatenate(means), coefficients, model, notes)


def valid_pieces(
    path: Path, drop_invalid: bool, limits: Limits, progress: Progress
) -> Iterator[SceneFile]:
    """The file's Gaussians that can be used, a piece at a time."""
    first = 0
    with progress.stage("read") as advance:
        for piece in read_ply_pieces(path, limits):
            try:
                splats, changes = validate_splats(
                    piece.splats, path, drop_invalid, raw=False, first=first
                )
            except SceneError:
                if not drop_invalid:
                    raise
                splats = piece.splats.select(slice(0, 0))  # not one of them is valid
                changes = (f"{piece.splats.n} invalid Gaussians dropped",)
            first += piece.splats.n
            yield replace(piece, splats=splats, notes=(*piece.notes, *changes))
            advance(1)


def morton_ranks(means: F32) -> npt.NDArray[np.int32]:  # (n, 3) -> (n,)
    """Each Gaussian's place along the Morton curve of the contracted grid."""
    frame = fit_frame(means[:: max(1, len(means) // FRAME_SAMPLE)])
    order = np.argsort(morton_order_codes(means, frame, MAX_DEPTH), kind="stable")
    ranks = np.empty(len(means), np.int32)
    ranks[order] = np.arange(len(means), dtype=np.int32)
    return ranks


def morton_order_codes(means: F32, frame: Frame, depth: int) -> npt.NDArray[np.uint64]:
    """Codes of the cells that hold the means, (n, 3) -> (n,)."""
    codes = np.empty(len(means), np.uint64)
    for start in range(0, len(means), STEP):
        some = contract(means[start : start + STEP], frame)
        codes[start : start + STEP] = cell_codes(find_cells(some, depth), depth)
    return codes


def even_counts(n: int, parts: int) -> tuple[int, ...]:
    """n in equal parts.

    >>> even_counts(10, 3)
    (3, 3, 4)
    """
    bounds = [n * i // parts for i in range(parts + 1)]
    return tuple(b - a for a, b in pairwise(bounds))


def cut(
    path: Path,
    surveyed: Surveyed,
    counts: tuple[int, ...],
    folder: Path,
    drop_invalid: bool,
    limits: Limits,
    progress: Progress,
) -> Tables:
    """The tables of a file's blocks, each in Morton order."""
    model = "mip" if surveyed.model == "mip" else "3dgs"
    tables = make_tables(folder, counts, surveyed.coefficients, model)  # type: ignore[arg-type]
    width = GEOMETRY + 3 * surveyed.coefficients
    for index, count in enumerate(counts):
        np.lib.format.open_memmap(
            tables.path(index), mode="w+", dtype=np.float32, shape=(count, width)
        )
    ranks, start = morton_ranks(surveyed.means), 0
    for piece in valid_pieces(path, drop_invalid, limits, progress):
        _put(tables, piece.splats, ranks[start : start + piece.splats.n].astype(np.int64))
        start += piece.splats.n
    for index in range(len(counts)):
        save_boxes(tables, index)
    return tables


def _put(tables: Tables, splats: Splats, places: I64) -> None:
    """Rows to their places, (n,) by number."""
    order = np.argsort(places)
    rows, places = splats_to_rows(splats)[order], places[order]
    starts = tables.starts
    bounds = np.searchsorted(places, starts)
    for index in np.flatnonzero(np.diff(bounds)).tolist():
        own = slice(bounds[index], bounds[index + 1])
        table = np.load(tables.path(index), mmap_mode="r+")
        table[places[own] - starts[index]] = rows[own]

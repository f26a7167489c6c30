# SPDX-License-Identifier: Apache-2.0
"""What is left of all blocks, cut anew into pieces of whole chunks, and the plan they share.

A file has one plan for all its chunks, and its chunks are equal parts of all Gaussians: neither
follows from a block alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.codec.rd.colours import plan_colours
from flexgs.codec.rd.geometry_choice import quantise_geometry
from flexgs.codec.rd.geometry_values import dequantise_geometry
from flexgs.codec.rd_file.head import RdHead, chunk_count
from flexgs.pipeline.blocks.stored.cutting import STEP, morton_order_codes
from flexgs.pipeline.blocks.stored.tables import Tables, make_tables, save_table
from flexgs.pipeline.blocks.work.tasks import numbers_path
from flexgs.quant.adaptive.cells import MAX_DEPTH, contract, distance_features, find_cells
from flexgs.quant.adaptive.geometry_fit import choose_depth, plan_within
from flexgs.quant.positions import Frame, fit_frame
from flexgs.quant.segments import segment_bounds

I64 = npt.NDArray[np.int64]

PLAN_ROWS = 40_000  # as many as a plan is fitted to anywhere


@dataclass(frozen=True, eq=False)
class Pieces:
    """Consecutive chunks of the file, table by table."""

    tables: Tables
    numbers: I64  # (n,) of the Gaussians in the whole scene
    frame: Frame
    depth: int  # of the cells
    chunks: I64  # first rows of all chunks of the file, and n
    first_chunks: tuple[int, ...]  # of each piece, and their number

    def bounds(self, index: int) -> tuple[int, ...]:
        """First rows of the chunks of a piece, in the piece, and its number of rows."""
        first, last = self.first_chunks[index : index + 2]
        return tuple((self.chunks[first : last + 1] - self.chunks[first]).tolist())


def recut(reduced: Tables, most: int, folder: Path) -> Pieces:
    """Pieces of at most so many Gaussians, in Morton order."""
    means, n = reduced.means(), reduced.n
    frame = fit_frame(means)
    codes = morton_order_codes(means, frame, MAX_DEPTH)
    del means
    depth = choose_depth(codes)
    codes >>= np.uint64(3 * (MAX_DEPTH - depth))  # those of the coarser cells
    order = np.argsort(codes, kind="stable")
    del codes
    count = max(chunk_count(n), min(n, -(-n // most)))
    chunks = segment_bounds(n, count)
    each = max(1, most // int(np.diff(chunks).max()))
    first_chunks = (*range(0, count, each), count)
    counts = tuple(int(c) for c in np.diff(chunks[list(first_chunks)]))
    tables = make_tables(folder, counts, reduced.coefficients, reduced.model)
    numbers = np.concatenate(
        [np.load(numbers_path(reduced, index)) for index in range(len(reduced.counts))]
    )
    for index, start in enumerate(tables.starts[:-1].tolist()):
        own = order[start : start + counts[index]]
        ascending = np.argsort(own)
        splats = reduced.take(own[ascending])
        save_table(tables, index, splats.select(np.argsort(ascending)))
    return Pieces(tables, numbers[order], frame, depth, chunks, first_chunks)


def plan_file(
    pieces: Pieces,
    values: Tables,  # of the pieces, polished
    geometry: Sequence[Path],  # blocks of each piece
    colours: Sequence[Path],
    strength: float,
) -> tuple[RdHead, int]:
    """The head that all chunks share, fitted to every so many Gaussians; and the blur."""
    n = values.n
    rows = np.arange(0, n, max(n // PLAN_ROWS, 1))
    sample = values.take(rows)
    blocks = _sample(geometry, values, rows)
    plan, _, blur = plan_within(sample, blocks, strength, pieces.frame, pieces.depth)
    plan = replace(plan, root=_root(values, pieces))
    plan, symbols, order = quantise_geometry(sample, blocks, strength, (plan, blur))
    features = dequantise_geometry(plan, symbols).features
    weights = _sample(colours, values, rows)[order]
    colour_plan = plan_colours(weights, features, sample.degree, strength)
    head = RdHead(values.model, n, len(pieces.chunks) - 1, plan, colour_plan)
    return head, blur


def _sample(paths: Sequence[Path], values: Tables, rows: I64) -> npt.NDArray[np.float32]:
    starts = values.starts
    bounds = np.searchsorted(rows, starts)
    parts = [
        np.load(path, mmap_mode="r")[rows[bounds[i] : bounds[i + 1]] - starts[i]]
        for i, path in enumerate(paths)
    ]
    return np.concatenate(parts)


def _root(values: Tables, pieces: Pieces) -> int:
    """That of the farthest cells that rounding can choose: it leaves the distance as it is."""
    means, depth, farthest = values.means(), pieces.depth, 0
    for start in range(0, len(means), STEP):
        cells = find_cells(contract(means[start : start + STEP], pieces.frame), depth)
        farthest = max(farthest, int(distance_features(cells, depth).max(initial=0)))
    beyond = (farthest + 1) << (depth - 4) if depth >= 4 else (farthest >> (4 - depth)) + 1
    return (beyond - 1).bit_length()

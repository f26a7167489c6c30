# SPDX-License-Identifier: Apache-2.0
"""Weighted vector quantisation on the CPU: a tree of splits, then Lloyd steps among near cells.

A tree grown by always splitting the cell with the largest error gives good palettes of every size
at once, in time n log(size). Lloyd's steps (Lloyd, "Least squares quantization in PCM", 1982) then
move the entries; each row is compared with the entries of the cells next to its own only, so a
step costs a small part of comparing every row with every entry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_POWER_STEPS = 4  # towards the direction in which a cell is longest
_COARSE_ROWS = 24  # entries of a coarse cell, about
_NEAR_CELLS = 24  # coarse cells whose entries a row is compared with


@dataclass(frozen=True, eq=False)
class Tree:
    """Rows in the order of the tree's leaves, and what every split removes.

    Splits are in descending order of the error of the cell that they divide: the first k - 1 make
    the palette of k entries.
    """

    order: I64  # (n,) row numbers; each cell is a stretch
    cuts: I64  # (splits,) where a split divides the order
    errors: F64  # (splits + 1,) weighted squared error of palettes of 1, 2, ... entries

    def labels(self, size: int) -> tuple[I64, int]:
        """((n,) entry of each row, entries) of the palette with at most `size` entries."""
        ends = np.sort(self.cuts[: max(size - 1, 0)])
        labels = np.empty(len(self.order), np.int64)
        labels[self.order] = np.searchsorted(ends, np.arange(len(self.order)), side="right")
        return labels, len(ends) + 1


def _cell_sums(values: F32, starts: I64) -> F32:
    return np.asarray(np.add.reduceat(values, starts, axis=0), np.float32)


def _errors(rows: F32, weights: F32, starts: I64) -> tuple[F32, F64]:
    """((cells, d) means, (cells,) squared errors), both weighted, of stretches of rows."""
    total = _cell_sums(weights, starts)
    mean = _cell_sums(rows * weights[:, None], starts) / total[:, None]
    counts = np.diff(np.append(starts, len(rows)))
    apart = rows - np.repeat(mean, counts, axis=0)
    squares = np.einsum("ij,ij->i", apart, apart) * weights
    return mean, np.asarray(np.add.reduceat(squares, starts, dtype=np.float64), np.float64)


def _sides(rows: F32, weights: F32, starts: I64) -> npt.NDArray[np.bool_]:
    """Which half of its cell a row goes to, divided where the cell is longest."""
    counts = np.diff(np.append(starts, len(rows)))
    total = _cell_sums(weights, starts)
    mean = _cell_sums(rows * weights[:, None], starts) / total[:, None]
    apart = rows - np.repeat(mean, counts, axis=0)
    spread = _cell_sums(apart * apart * weights[:, None], starts)
    axis = np.zeros_like(mean)
    axis[np.arange(len(axis)), spread.argmax(axis=1)] = 1
    weighted = apart * weights[:, None]
    for _ in range(_POWER_STEPS):
        along = np.einsum("ij,ij->i", apart, np.repeat(axis, counts, axis=0))
        axis = _cell_sums(weighted * along[:, None], starts)
        norm = np.linalg.norm(axis, axis=1, keepdims=True)
        axis /= np.where(norm > 0, norm, 1)
    along = np.einsum("ij,ij->i", apart, np.repeat(axis, counts, axis=0))
    return np.asarray(along > 0)


def grow_tree(rows: F32, weights: F32, size: int) -> Tree:  # (n, d), (n,)
    """The tree whose first `size` - 1 splits make palettes of up to `size` entries."""
    order = np.arange(len(rows))
    starts, stops = np.zeros(1, np.int64), np.array([len(rows)])
    errors = first = _errors(rows, weights, starts)[1]
    cuts, parents, gains = np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    while True:
        # no cell below the size-th largest error so far can be among the first splits
        active = (errors >= _kth(np.append(parents, errors), size - 1)) & (errors > 0)
        active &= stops - starts > 1
        if not active.any():
            break
        starts, stops, errors = starts[active], stops[active], errors[active]
        middles, halves = _split_cells(rows, weights, order, starts, stops)
        split = middles > starts
        starts, stops, errors, middles = starts[split], stops[split], errors[split], middles[split]
        halves = halves[split]
        cuts, parents = np.append(cuts, middles), np.append(parents, errors)
        gains = np.append(gains, errors - halves.sum(axis=1))
        starts, stops = np.append(starts, middles), np.append(middles, stops)
        errors = halves.T.reshape(-1)
        by = np.argsort(starts, kind="stable")
        starts, stops, errors = starts[by], stops[by], errors[by]
    rank = np.argsort(-parents, kind="stable")[: size - 1]
    left = first[0] - np.append(0, np.cumsum(gains[rank]))
    return Tree(order, cuts[rank], np.maximum(left, 0))


def _split_cells(
    rows: F32, weights: F32, order: I64, starts: I64, stops: I64
) -> tuple[I64, F64]:  # -> (cells,) where each is divided, (cells, 2) errors of its halves
    """Sorts the rows of each cell (a stretch of `order`, in place) by the half they go to.

    A cell that cannot be divided is "divided" at its start.
    """
    counts = stops - starts
    local = np.append(0, np.cumsum(counts)[:-1])
    at = np.repeat(starts - local, counts) + np.arange(counts.sum())
    index = order[at]
    side = _sides(rows[index], weights[index], local)
    ones = np.add.reduceat(side.astype(np.int64), local)
    index = index[np.argsort(2 * np.repeat(np.arange(len(counts)), counts) + side, kind="stable")]
    order[at] = index
    split = (ones > 0) & (ones < counts)
    middles = np.where(split, counts - ones, 0)
    ends = np.sort(np.append(local, (local + middles)[split]))
    errors = _errors(rows[index], weights[index], ends)[1]
    halves = np.zeros((len(counts), 2))
    first = np.searchsorted(ends, local[split])
    halves[split] = np.stack([errors[first], errors[first + 1]], axis=1)
    return starts + middles, halves


def _kth(values: F64, k: int) -> float:
    """The k-th largest value, -inf when there are fewer."""
    return -np.inf if len(values) <= k or k < 1 else float(np.partition(values, -k)[-k])


def refine(
    rows: F32, weights: F32, tree: Tree, size: int, steps: int
) -> tuple[F32, I64]:  # -> (entries, d), (n,)
    """The palette of the tree with at most `size` entries after some of Lloyd's steps, and labels.

    Deterministic. Entries that no row is nearest to are left out.
    """
    labels, entries = tree.labels(size)
    coarse, cells = tree.labels(max(1, entries // _COARSE_ROWS))
    cell_of = np.empty(entries, np.int64)  # coarse cell of an entry: cells are nested
    cell_of[labels] = coarse
    palette = np.zeros((entries, rows.shape[1]), np.float32)
    for step in range(steps + 1):
        palette = _move(palette, rows, weights, labels)
        if step < steps:
            labels = _assign(rows, palette, labels, cell_of, cells)
    used, labels = np.unique(labels, return_inverse=True)
    return palette[used], labels


def _move(palette: F32, rows: F32, weights: F32, labels: I64) -> F32:
    """Every entry at the mean of its rows; those without rows stay."""
    order = np.argsort(labels, kind="stable")
    own = labels[order]
    starts = np.flatnonzero(np.append(True, np.diff(own) > 0))
    moved = palette.copy()
    moved[own[starts]] = _errors(rows[order], weights[order], starts)[0]
    return moved


def _assign(rows: F32, palette: F32, labels: I64, cell_of: I64, cells: int) -> I64:
    """The nearest entry of each row, out of those in its coarse cell and the cells next to it."""
    by_cell = np.argsort(cell_of, kind="stable")
    ends = np.searchsorted(cell_of[by_cell], np.arange(cells + 1))
    squares = np.einsum("ij,ij->i", palette, palette)
    counts = np.diff(ends).astype(np.float32)[:, None]
    middles: F32 = _cell_sums(palette[by_cell], ends[:-1]) / counts
    near = _nearest_cells(middles)
    order = np.argsort(cell_of[labels], kind="stable")
    stops = np.searchsorted(cell_of[labels[order]], np.arange(cells + 1))
    nearest = labels.copy()
    for cell in range(cells):
        own = order[stops[cell] : stops[cell + 1]]
        entries = np.concatenate([by_cell[ends[c] : ends[c + 1]] for c in near[cell]])
        distances = rows[own] @ (-2 * palette[entries].T)
        distances += squares[entries]
        nearest[own] = entries[distances.argmin(axis=1)]
    return nearest


def _nearest_cells(middles: F32) -> I64:  # (cells, d) -> (cells, _NEAR_CELLS or fewer)
    squares = np.einsum("ij,ij->i", middles, middles)
    count = min(_NEAR_CELLS, len(middles))
    near = np.empty((len(middles), count), np.int64)
    for start in range(0, len(middles), 512):  # blocks: the whole matrix could take gigabytes
        distances = squares - 2 * (middles[start : start + 512] @ middles.T)
        near[start : start + 512] = np.argpartition(distances, count - 1, axis=1)[:, :count]
    near.sort(axis=1)
    return near

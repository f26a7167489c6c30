# SPDX-License-Identifier: Apache-2.0
"""Gaussians in files, a table of rows each, of which a part at a time is in memory.

Tables lie in a temporary folder and are nobody's interface: float32 rows, and beside each table the
boxes of its pages, so that what a camera cannot see is not even read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.splats import Model

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

PAGE = 2048  # rows that share a box
DEVIATIONS = 3.5  # how far a Gaussian reaches: alpha is under 1/255 beyond 3.33 of them
GEOMETRY = 11  # columns before the harmonics: means, log scales, quaternion, opacity logit


@dataclass(frozen=True)
class Tables:
    """A scene as files; its Gaussians are numbered through all of them."""

    folder: Path
    counts: tuple[int, ...]  # rows of each table
    coefficients: int  # of the harmonics, (degree + 1)^2
    model: Model

    @property
    def n(self) -> int:
        """Number of Gaussians."""
        return sum(self.counts)

    @property
    def starts(self) -> I64:  # (tables + 1,)
        """Number of the first Gaussian of each table, and n."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    def path(self, index: int) -> Path:
        """Where a table lies."""
        return self.folder / f"table_{index:05d}.npy"

    def read(self, index: int) -> Splats:
        """All Gaussians of a table."""
        return rows_to_splats(np.load(self.path(index)), self.model)

    def take(self, numbers: I64) -> Splats:
        """Gaussians by number, ascending."""
        starts = self.starts
        bounds = np.searchsorted(numbers, starts)
        rows = np.empty((len(numbers), GEOMETRY + 3 * self.coefficients), np.float32)
        for index in np.flatnonzero(np.diff(bounds)).tolist():
            own = slice(bounds[index], bounds[index + 1])
            rows[own] = np.load(self.path(index), mmap_mode="r")[numbers[own] - starts[index]]
        return rows_to_splats(rows, self.model)

    def means(self) -> F32:  # (n, 3)
        """Where all Gaussians are."""
        found = np.empty((self.n, 3), np.float32)
        for index, start in enumerate(self.starts[:-1].tolist()):
            rows = np.load(self.path(index), mmap_mode="r")
            found[start : start + len(rows)] = rows[:, :3]
        return found

    def boxes(self, index: int) -> F32:  # (pages, 7)
        """Lowest and highest mean and farthest reach of every PAGE rows of a table."""
        return _load_boxes(self.path(index))

    def pages(self, index: int, wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[int, Splats]]:
        """Runs of pages of a table: number of the first Gaussian, and the Gaussians."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(np.int8), [0]])))
        for first, last in edges.reshape(-1, 2).tolist():
            for page in range(first, last, MOST_PAGES):
                span = slice(page * PAGE, min(last, page + MOST_PAGES) * PAGE)
                rows = np.array(np.load(self.path(index), mmap_mode="r")[span])
                start = int(self.starts[index]) + page * PAGE
                yield start, rows_to_splats(rows, self.model)


MOST_PAGES = 16  # read at a time


@lru_cache(maxsize=4096)
def _load_boxes(table: Path) -> F32:
    return np.asarray(np.load(_boxes_path(table)), dtype=np.float32)


def _boxes_path(table: Path) -> Path:
    return table.with_name(table.name.replace("table", "boxes"))


def make_tables(folder: Path, counts: tuple[int, ...], coefficients: int, model: Model) -> Tables:
    """Tables yet to be filled, in a folder of their own."""
    folder.mkdir()
    return Tables(folder, counts, coefficients, model)


def save_table(tables: Tables, index: int, splats: Splats) -> None:
    """Fills a table, and makes its boxes."""
    np.save(tables.path(index), splats_to_rows(splats))
    save_boxes(tables, index)


def save_boxes(tables: Tables, index: int) -> None:
    """The boxes of a table that is filled."""
    rows = np.load(tables.path(index), mmap_mode="r")
    boxes = np.zeros((-(-len(rows) // PAGE), 7), np.float32)
    for page, box in enumerate(boxes):
        some = np.array(rows[page * PAGE : (page + 1) * PAGE, :6])
        box[:3], box[3:6] = some[:, :3].min(axis=0), some[:, :3].max(axis=0)
        box[6] = DEVIATIONS * np.exp(np.float64(some[:, 3:].max()))
    np.save(_boxes_path(tables.path(index)), boxes)


def rows_to_splats(rows: F32, model: Model) -> Splats:  # (n, GEOMETRY + 3 k)
    """Gaussians of rows."""
    n = len(rows)
    return Splats(
        rows[:, :3],
        rows[:, 3:6],
        rows[:, 6:10],
        rows[:, 10],
        rows[:, GEOMETRY:].reshape(n, (rows.shape[1] - GEOMETRY) // 3, 3),
        model,
    )


def no_splats(coefficients: int, model: Model) -> Splats:
    """None at all."""
    return rows_to_splats(np.zeros((0, GEOMETRY + 3 * coefficients), np.float32), model)


def splats_to_rows(splats: Splats) -> F32:  # (n, GEOMETRY + 3 k)
    """The inverse of `rows_to_splats`."""
    n = splats.n
    return np.concatenate(
        [
            splats.means,
            splats.log_scales,
            splats.quats,
            splats.opacity_logits[:, None],
            splats.sh.reshape(n, 3 * splats.sh.shape[1]),
        ],
        axis=1,
    )

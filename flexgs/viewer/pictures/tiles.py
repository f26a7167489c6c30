# SPDX-License-Identifier: Apache-2.0
"""Tiles of an image's Gaussians, at any power of two of its size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from flexgs.image.model import MAX_ABS_MEAN, MAX_FACTOR, ImageSplats
from flexgs.image.pyramid import Pyramid, open_pyramid
from flexgs.image.pyramid.model import joined
from flexgs.image.render import render, zoomed

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SIDE = 256  # pixels of a tile
MIN_EXPONENT, MAX_EXPONENT = -10, 8  # of two: zooms
REACH = 4.0  # standard deviations; the renderer cuts Gaussians off at fewer
KEPT_SCALES = 6  # pictures of smaller sizes whose Gaussians are kept
KEPT_TILES = 256  # 64 MB


@dataclass(eq=False)
class Shown:
    """A file that is shown. Tiles are made by one thread at a time, the last ones kept."""

    name: str
    size: int  # bytes of the file
    ends: tuple[int, ...]  # bytes of the file up to the end of each level that is there
    pyramid: Pyramid  # of one level for a plain image
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _scales: OrderedDict[tuple[int, int], ImageSplats] = field(default_factory=OrderedDict)
    _tiles: OrderedDict[tuple[int, int, int, int], bytes] = field(default_factory=OrderedDict)

    @property
    def width(self) -> int:
        """Pixels of the whole image."""
        return self.pyramid.levels[0].width

    @property
    def height(self) -> int:
        """Pixels of the whole image."""
        return self.pyramid.levels[0].height

    def tile(self, levels: int, exponent: int, x: int, y: int) -> bytes | None:
        """RGBA of tile x, y of the picture at a zoom of 2^exponent, from so many levels.

        Transparent beyond the edge of the picture; None for a tile that is not of it.
        """
        if not (1 <= levels <= len(self.pyramid.levels)):
            return None
        if not MIN_EXPONENT <= exponent <= MAX_EXPONENT:
            return None
        width, height = (max(1, round(s * 2.0**exponent)) for s in (self.width, self.height))
        if not (0 <= x * SIDE < width and 0 <= y * SIDE < height):
            return None
        with self._lock:
            key = (levels, exponent, x, y)
            if key not in self._tiles:
                splats = self._scaled(levels, exponent)
                factor = 2.0 ** max(0, exponent)
                values = window(splats, x * SIDE, y * SIDE, factor)
                pixels = to_rgba(values)
                pixels[max(0, height - y * SIDE) :] = 0
                pixels[:, max(0, width - x * SIDE) :] = 0
                self._tiles[key] = pixels.tobytes()
            return _recent(self._tiles, key, KEPT_TILES)

    def _scaled(self, levels: int, exponent: int) -> ImageSplats:
        """All Gaussians of the picture at a smaller size; at the image's own for larger ones."""
        key = (levels, min(0, exponent))
        if key not in self._scales:
            whole = joined(self.pyramid.levels[:levels])
            self._scales[key] = zoomed(whole, 2.0 ** key[1])
        return _recent(self._scales, key, KEPT_SCALES)


K = TypeVar("K")
V = TypeVar("V")


def _recent(kept: OrderedDict[K, V], key: K, most: int) -> V:
    """The value, as the one used last; those used longest ago are dropped."""
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]


def window(splats: ImageSplats, left: int, top: int, factor: float) -> F32:  # (SIDE, SIDE, c)
    """A tile of the picture drawn `factor` >= 1 times as large; left, top in its pixels.

    Only Gaussians that reach the tile are looked at, so that no size is too large.
    """
    means = splats.means.astype(np.float64) * factor - (left, top)
    l11, l21, l22 = np.minimum(np.abs(splats.cholesky.astype(np.float64)).T * factor, MAX_FACTOR)
    reach = REACH * np.stack([l11, np.hypot(l21, l22)], axis=1) + 1
    near = (means > -reach) & (means < SIDE + reach) & (np.abs(means) < MAX_ABS_MEAN)
    rows = np.flatnonzero(near.all(axis=1))
    cholesky = np.clip(splats.cholesky[rows] * np.float32(factor), -MAX_FACTOR, MAX_FACTOR)
    seen = replace(
        splats.select(rows),
        means=means[rows].astype(np.float32),
        cholesky=cholesky,
        width=SIDE,
        height=SIDE,
    )
    return render(seen)


def to_rgba(values: F32) -> U8:  # (h, w, 1 | 3 | 4) -> (h, w, 4)
    """Clamped, rounded, not multiplied by alpha."""
    shown = np.clip(np.nan_to_num(values), 0, 1)
    if shown.shape[2] == 4:
        colors = np.clip(shown[..., :3] / np.maximum(shown[..., 3:], 1 / 255), 0, 1)
        shown = np.concatenate([colors, shown[..., 3:]], axis=2)
    else:
        opaque = np.ones((*shown.shape[:2], 1), np.float32)
        shown = np.concatenate([np.broadcast_to(shown, (*shown.shape[:2], 3)), opaque], axis=2)
    return np.rint(shown * 255).astype(np.uint8)


def load_shown(path: str | Path) -> Shown:
    """A `.fgi`, of levels or not; of the first, a prefix will do.

    Raises:
        UsageError: it cannot be read. FormatError: it is none.
    """
    with open_pyramid(path) as opened:
        ends = tuple(opened.head.offset(k + 1) for k in range(opened.reached))
        return Shown(Path(path).name, opened.size, ends, opened.pyramid())

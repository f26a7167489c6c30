# SPDX-License-Identifier: Apache-2.0
"""Fitted levels -> integers -> the bytes of a file, and what those show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.image.coding.symbols import QUALITY_MIN, Plan, dequantise, quantised
from flexgs.image.encode.press import Stop, clamped_psnr, plan_for, swept
from flexgs.image.file.pack import best_tiling, pack_image
from flexgs.image.model import ImageSplats
from flexgs.image.pyramid.file import pack_pyramid
from flexgs.image.pyramid.gradient import COARSE_WEIGHT
from flexgs.image.pyramid.model import (
    Pyramid,
    from_level,
    joined,
    level_size,
    reduced,
    to_level,
)
from flexgs.image.render import render

F32 = npt.NDArray[np.float32]

# Sixteenths of an octave for each halving of the size. Anything from 6 to 16 came within 0.2 dB.
FINER = 13


@dataclass(frozen=True, eq=False)
class PressedPyramid:
    """The file of all levels, and what it shows."""

    plans: tuple[Plan, ...]
    data: bytes
    pyramid: Pyramid  # as decoded
    level_psnr: tuple[float, ...]  # dB of each level's picture at its own size, clamped

    @property
    def psnr(self) -> float:
        """dB of the whole picture."""
        return self.level_psnr[-1]

    @property
    def count(self) -> int:
        """Gaussians in the file."""
        return self.pyramid.n

    @property
    def quality(self) -> int:
        """Of the finest level's plan."""
        return self.plans[-1].quality


def level_plans(image: F32, psnr: float, pyramid: Pyramid) -> tuple[Plan, ...]:
    """Steps of all levels, for a full picture of this quality.

    Each halving halves the norm of a Gaussian in the level's own pixels. Its step need not shrink
    as much: the finer levels make good what it rounds.
    """
    whole = plan_for(image, psnr, pyramid.n)
    plans = []
    for k, level in enumerate(pyramid.levels):
        halvings = pyramid.total - 1 - k
        width, height = level_size(whole.width, whole.height, halvings)
        shape = np.broadcast_to(np.float32(0), (height, width, whole.channels))
        quality = max(QUALITY_MIN, whole.quality - FINER * halvings)
        plans.append(replace(plan_for(shape, psnr, level.n), quality=quality))
    return tuple(plans)


def quantised_pyramid(plans: tuple[Plan, ...], pyramid: Pyramid) -> Pyramid:
    """What would be decoded, row by row: for training with quantisation."""
    levels = []
    for k, (plan, level) in enumerate(zip(plans, pyramid.levels, strict=False)):
        halvings = pyramid.total - 1 - k
        stored = quantised(plan, to_level(level, halvings))
        levels.append(from_level(stored, halvings, level.width, level.height))
    return replace(pyramid, levels=tuple(levels))


def press_pyramid(
    image: F32,
    plans: tuple[Plan, ...],
    pyramid: Pyramid,
    sweeps: int,
    stop: Stop,
    *,
    deep: bool = False,
    tile: int | None = None,
) -> PressedPyramid:
    """The file of fitted levels: coarse to fine, each makes good what those before it rounded."""
    height, width = image.shape[:2]
    done: list[ImageSplats] = []
    payloads, psnr = [], []
    for k, (plan, level) in enumerate(zip(plans, pyramid.levels, strict=True)):
        halvings = pyramid.total - 1 - k
        small = reduced(image, halvings)
        wanted = _wanted(small, done, pyramid.levels[k + 1 :], halvings)
        own = swept(plan, to_level(level, halvings), wanted, sweeps, stop)
        done.append(from_level(dequantise(plan, own), halvings, width, height))
        tiling = best_tiling(plan, own, tile) if tile is not None and not halvings else None
        payloads.append(pack_image(plan, own, deep=deep, tiling=tiling))
        psnr.append(clamped_psnr(small, render(to_level(joined(done), halvings))))
    data = pack_pyramid(width, height, pyramid.total, payloads)
    found = Pyramid(tuple(done), pyramid.total)
    return PressedPyramid(plans, data, found, tuple(psnr))


def _wanted(
    small: F32,  # the level's image
    coarser: Sequence[ImageSplats],  # in pixels of the whole image, as decoded
    finer: Sequence[ImageSplats],  # as fitted
    halvings: int,
) -> F32:
    """What a level is to show: what the others leave of the image.

    Of the level's own picture that is all but the coarser levels; of the whole one, seen at the
    level's scale, all but the finer as well. The fit's weights say how much each counts.
    """
    rest = small - render(to_level(joined(coarser), halvings)) if coarser else small
    if not finer:
        return rest
    others = render(to_level(joined(finer), halvings))
    return rest - others / np.float32(1 + COARSE_WEIGHT)

# SPDX-License-Identifier: Apache-2.0
"""Fitted Gaussians -> integers at a quality -> bytes, and what those show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.image.coding.refining import PRICE, refine
from flexgs.image.coding.stream import canonical
from flexgs.image.coding.symbols import (
    CELL_BITS_MAX,
    QUALITY_CLASSES,
    QUALITY_MAX,
    QUALITY_MIN,
    Plan,
    Symbols,
    dequantise,
    quantise,
    quantised,
)
from flexgs.image.file.head import CELL_MARGIN_MAX, Tiling
from flexgs.image.file.pack import best_tiling, pack_image
from flexgs.image.fit import FitOptions, Moment, fit
from flexgs.image.model import ImageSplats
from flexgs.image.render import render

F32 = npt.NDArray[np.float32]
Stop = Callable[[], bool]
Report = Callable[[Moment], None]

# The squared error that rounding adds when it is worth its bits, over that of the fit; 8 values a
# Gaussian add Q^2 / 12 each (docs/image.md, "Where the quality comes from").
ROUNDING_SHARE = 0.22
VALUES = 8
BORDER = 50  # pixels around the image that a fit may place means in
CELLS_APART = 2.0  # distance of neighbours over the side of a cell


@dataclass(frozen=True, eq=False)
class Trained:
    """Fitted Gaussians, and the steps that suit them."""

    splats: ImageSplats
    plan: Plan
    psnr: float  # dB; of the quantised ones where they were trained so

    @property
    def n(self) -> int:
        """Number of Gaussians."""
        return self.splats.n


@dataclass(frozen=True, eq=False)
class Pressed:
    """Integers, the file they make, and its quality."""

    plan: Plan
    symbols: Symbols
    data: bytes
    psnr: float  # dB, of the decoded picture, clamped
    tiling: Tiling | None = None

    @property
    def count(self) -> int:
        """Gaussians in the file."""
        return len(self.symbols.cells)

    @property
    def quality(self) -> int:
        """Of the plan."""
        return self.plan.quality


def picture_psnr(image: F32, splats: ImageSplats, threads: int | None = None) -> float:
    """Of what Gaussians show, clamped to 0..1."""
    return clamped_psnr(image, render(splats, threads=threads))


def clamped_psnr(image: F32, picture: F32) -> float:
    """Of a picture, clamped to 0..1."""
    error = float(np.mean((np.clip(picture, 0, 1) - image) ** 2, dtype=np.float64))
    return -10 * math.log10(max(error, 1e-12))


def plan_for(image: F32, psnr: float, count: int) -> Plan:
    """Steps that suit a fit of this quality: rounding adds ROUNDING_SHARE of its squared error."""
    height, width, channels = image.shape
    error = image.size * 10 ** (-psnr / 10)
    step = math.sqrt(12 * ROUNDING_SHARE * error / (VALUES * max(count, 1)))
    quality = round(QUALITY_CLASSES * math.log2(max(step, 1e-9)))
    apart = math.sqrt(width * height / max(count, 1))
    cell = min(round(math.log2(max(apart / CELLS_APART, 1.0))), CELL_BITS_MAX)
    return Plan(
        width,
        height,
        channels,
        min(max(quality, QUALITY_MIN), QUALITY_MAX),
        cell_bits=cell,
        margin=min(-(-BORDER >> cell), CELL_MARGIN_MAX),
    )


@dataclass
class _Trainer:
    """Hears of a fit and quantises for it, at steps that suit its own quality."""

    image: F32
    report: Report
    stop: Stop
    psnr: float = 20.0
    plan: Plan | None = None

    def hear(self, moment: Moment) -> bool:
        """False once the fit is to end."""
        self.psnr = moment.psnr
        self.report(moment)
        return not self.stop()

    def quantise(self, splats: ImageSplats) -> ImageSplats:
        """What a file would hold."""
        if self.plan is None:
            self.plan = plan_for(self.image, self.psnr, splats.n)
        return quantised(self.plan, splats)


def trained(
    image: F32, options: FitOptions, quantising: bool, report: Report, stop: Stop
) -> Trained:
    """Gaussians fitted to an image, with quantisation in the loop at the end of it or without."""
    trainer = _Trainer(image, report, stop)
    found = fit(
        image,
        options,
        quantise=trainer.quantise if quantising else None,
        report=trainer.hear,
        report_every=max(1, min(25, options.steps // 4)),
    )
    plan = trainer.plan or plan_for(image, found.psnr, found.splats.n)
    return Trained(found.splats, plan, found.psnr)


def shifted(plan: Plan, shift: int) -> Plan:
    """The same at coarser steps, `shift` sixteenths of an octave."""
    return replace(plan, quality=min(max(plan.quality + shift, QUALITY_MIN), QUALITY_MAX))


def swept(
    plan: Plan, splats: ImageSplats, wanted: F32, sweeps: int, stop: Stop, price: float = PRICE
) -> Symbols:
    """The integers of Gaussians after some sweeps towards what they are to show."""
    symbols = canonical(plan, quantise(plan, splats))
    for _ in range(sweeps):
        if stop() or not len(symbols.cells):
            break
        symbols = refine(plan, symbols, wanted, price)
    return symbols


def press(
    image: F32,
    plan: Plan,
    splats: ImageSplats,
    sweeps: int,
    stop: Stop,
    *,
    deep: bool = False,
    tile: int | None = None,
    price: float = PRICE,
) -> Pressed:
    """The integers of a plan after some sweeps, as a file, in squares or not, and its quality."""
    symbols = swept(plan, splats, image, sweeps, stop, price)
    tiling = None if tile is None else best_tiling(plan, symbols, tile)
    data = pack_image(plan, symbols, deep=deep, tiling=tiling)
    return Pressed(plan, symbols, data, picture_psnr(image, dequantise(plan, symbols)), tiling)

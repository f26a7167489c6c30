# SPDX-License-Identifier: Apache-2.0
"""How many Gaussians and how fine: both together, on the bytes of real files.

The steps follow from the quality of the fit (`plan_for`), so that the number of Gaussians is what
decides about the rate. It is guessed, corrected by what came out, and the rest of the way to the
target is made with coarser steps, from fine to coarse, each start the last one's end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from flexgs.errors import SearchError
from flexgs.image.coding.symbols import QUALITY_MAX, dequantise
from flexgs.image.encode.options import EncodeOptions
from flexgs.image.encode.press import (
    Pressed,
    Report,
    Stop,
    Trained,
    press,
    shifted,
    trained,
)
from flexgs.image.file.head import Tiling
from flexgs.image.file.pack import best_tiling, pack_image
from flexgs.image.fit import FitOptions
from flexgs.image.model import ImageSplats
from flexgs.image.pixels import Picture

BYTES_EACH = 3.4  # of a file, for each Gaussian that a fit starts with
PIXELS_EACH = 150.0  # where nothing is known yet
DB_A_DOUBLING = 2.2  # what twice the Gaussians bring
PROBE_STEPS, PROBE_GAIN = 80, 1.0  # a short fit, and what a long one brings beyond it in dB
FINER = 4  # sixteenths of an octave: where the way to coarser steps begins
COARSEST = 24  # beyond what suits the fit, where it ends
BYTES_A_CLASS = 0.02  # share of the bytes that a sixteenth of an octave takes off
DB_A_CLASS = 0.06
WAY = FINER + COARSEST
FULL = 0.98  # of the bytes asked for are enough
NEAR = 0.93  # of the bytes asked for are enough not to fit again
SPARE, SPARE_DB = 1.1, 0.3  # aimed beyond the target at the next fit


@dataclass(frozen=True)
class Trial:
    """One file on the way, whole or not."""

    fitted: int  # Gaussians of the fit
    count: int  # that were kept
    quality: int
    size: int  # bytes
    psnr: float  # dB


@dataclass(frozen=True, eq=False)
class Encoded:
    """A file that was found, and how."""

    data: bytes
    pressed: Pressed
    trials: tuple[Trial, ...]
    reached: bool
    tiling: Tiling | None = None


@dataclass
class _Run:
    picture: Picture
    options: EncodeOptions
    report: Report
    stop: Stop
    trials: list[Trial] = field(default_factory=list)
    fit: Trained | None = None

    @property
    def pixels(self) -> int:
        """Of the picture."""
        width, height = self.picture.size
        return width * height

    @property
    def most(self) -> int:
        """Gaussians that a fit may have."""
        return self.pixels // 4 + 1

    def train(self, count: int, steps: int, quantising: bool) -> Trained:
        """A fit with `count` Gaussians; at most one for four pixels."""
        options = FitOptions(
            count=max(1, min(count, self.most)),
            steps=steps,
            seed=self.options.seed,
            threads=self.options.threads,
        )
        return trained(self.picture.values, options, quantising, self.report, self.stop)

    def press(self, fitted: Trained, shift: int) -> Pressed:
        """The file of a fit, `shift` sixteenths of an octave coarser than suits it."""
        return self._press(fitted, fitted.splats, shift, self.options.effort.sweeps)

    def coarser(self, fitted: Trained, pressed: Pressed, shift: int) -> Pressed:
        """The same Gaussians at coarser steps."""
        splats = dequantise(pressed.plan, pressed.symbols)
        return self._press(fitted, splats, shift, self.options.effort.more_sweeps)

    def _press(self, fitted: Trained, splats: ImageSplats, shift: int, sweeps: int) -> Pressed:
        plan = shifted(fitted.plan, shift)
        pressed = press(
            self.picture.values, plan, splats, sweeps, self.stop, deep=self.picture.deep
        )
        size, psnr = len(pressed.data), pressed.psnr
        self.trials.append(Trial(fitted.splats.n, pressed.count, plan.quality, size, psnr))
        return pressed


def encode_picture(
    picture: Picture,
    options: EncodeOptions,
    *,
    report: Report = lambda _moment: None,
    stop: Stop = lambda: False,
) -> Encoded:
    """The smallest file that was found to reach the target, or the best one within it.

    Args:
        report: hears of every fit as it goes.
        stop: asked again and again; once True, what there is is made a file.

    Raises:
        SearchError: the target cannot be reached, and `options.best_effort` is not given.
    """
    run = _Run(picture, options, report, stop)
    kind, value = options.target
    if kind == "count":
        fitted = run.train(int(value), options.effort.steps, options.quantise_training)
        pressed, reached = run.press(fitted, 0), True
    elif kind == "psnr":
        pressed, reached = _to_psnr(run, value)
    else:
        size = value if kind == "size" else value * run.pixels / 8
        pressed, reached = _to_size(run, size)
    if not (reached or options.best_effort or stop()):
        raise SearchError(
            f"no setting reaches {value:g} {'dB' if kind == 'psnr' else kind}",
            found=f"{pressed.psnr:.2f} dB in {len(pressed.data)} bytes",
            hint="--best-effort keeps it; --preset high or ultra tries harder.",
        )
    data, tiling = pressed.data, None
    if options.tile is not None:
        tiling = best_tiling(pressed.plan, pressed.symbols, options.tile)
        data = pack_image(pressed.plan, pressed.symbols, deep=picture.deep, tiling=tiling)
    return Encoded(data, pressed, tuple(run.trials), reached, tiling)


def _to_size(run: _Run, size: float) -> tuple[Pressed, bool]:
    """The best file of at most `size` bytes."""
    effort, count = run.options.effort, max(1, int(size / BYTES_EACH))
    for left in range(effort.fits - 1, -1, -1):
        fitted = run.train(count, effort.steps, run.options.quantise_training)
        pressed = run.press(fitted, -FINER)
        share = len(pressed.data) / size
        if run.stop() or not left or NEAR <= share <= math.exp(BYTES_A_CLASS * WAY):
            break
        if share < NEAR and fitted.splats.n >= run.most:
            break
        count = max(1, round(fitted.splats.n / share * SPARE))
    shift = -FINER
    if len(pressed.data) < FULL * size and not run.stop():  # finer, then back
        shift -= 1 + round(math.log(size / len(pressed.data)) / BYTES_A_CLASS)
        pressed = run.press(fitted, shift)
    while len(pressed.data) > size and pressed.count and not run.stop():
        if pressed.plan.quality == QUALITY_MAX:
            break
        over = math.log(len(pressed.data) / size) / BYTES_A_CLASS
        shift += max(1, min(8, round(0.7 * over)))
        pressed = run.coarser(fitted, pressed, shift)
    return pressed, len(pressed.data) <= size


def _to_psnr(run: _Run, wanted: float) -> tuple[Pressed, bool]:
    """The smallest file of at least `wanted` dB, or else the best one."""
    effort = run.options.effort
    steps = min(PROBE_STEPS, effort.steps)
    probe = run.train(max(1, int(run.pixels / PIXELS_EACH)), steps, False)
    count = _count_for(probe.splats.n, wanted - probe.psnr - PROBE_GAIN)
    found: list[tuple[Trained, Pressed]] = []
    for left in range(effort.fits - 1, -1, -1):
        fitted = run.train(count, effort.steps, run.options.quantise_training)
        pressed = run.press(fitted, -FINER)
        if not found or _better(pressed, found[-1][1], wanted):
            found.append((fitted, pressed))
        over = pressed.psnr - wanted
        if run.stop() or not left or 0 <= over <= DB_A_CLASS * WAY:
            break
        if over < 0 and fitted.splats.n >= run.most:
            break
        count = _count_for(fitted.splats.n, -over + (SPARE_DB if over < 0 else -SPARE_DB))
    fitted, pressed = found[-1]
    reached = pressed.psnr >= wanted
    shift = -FINER
    while reached and not run.stop():
        shift += max(1, min(8, round(0.7 * (pressed.psnr - wanted) / DB_A_CLASS)))
        trial = run.coarser(fitted, pressed, shift)
        if trial.psnr < wanted or len(trial.data) >= len(pressed.data):
            break
        pressed = trial
    return pressed, reached


def _better(one: Pressed, other: Pressed, wanted: float) -> bool:
    """Whether a file is nearer to `wanted` dB or, where both have them, smaller."""
    if min(one.psnr, other.psnr) >= wanted:
        return len(one.data) < len(other.data)
    return one.psnr > other.psnr


def _count_for(count: int, missing: float) -> int:
    """Gaussians that bring `missing` dB more than `count` do."""
    return max(1, int(count * 2.0 ** (max(-8.0, min(missing, 12.0)) / DB_A_DOUBLING)))

# SPDX-License-Identifier: Apache-2.0
"""How many Gaussians and how fine: both together, on the bytes of real files.

The steps follow from the quality of the fit (`plan_for`), so that the number of Gaussians is what
decides about the rate. It is guessed, corrected by what came out, and the rest of the way to the
target is made with coarser steps, from fine to coarse, each start the last one's end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from flexgs.errors import SearchError
from flexgs.image.coding.symbols import QUALITY_MAX
from flexgs.image.encode.options import EncodeOptions
from flexgs.image.encode.press import Stop

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
MORE_FITS = 2  # beyond those of the effort, where none was good enough
LEAST_DOUBLINGS, LEAST_SLOPE = 0.1, 0.8  # of counts, to tell dB a doubling by; of those dB
SPARE, SPARE_DB = 1.1, 0.3  # aimed beyond the target at the next fit


@dataclass(frozen=True)
class Trial:
    """One file on the way, whole or not."""

    fitted: int  # Gaussians of the fit
    count: int  # that were kept
    quality: int
    size: int  # bytes
    psnr: float  # dB


class Fitted(Protocol):
    """Gaussians of a fit."""

    @property
    def n(self) -> int:
        """How many."""

    @property
    def psnr(self) -> float:
        """dB of the whole picture."""


class Made(Protocol):
    """A file."""

    @property
    def data(self) -> bytes:
        """All of it."""

    @property
    def psnr(self) -> float:
        """dB of the whole picture as decoded."""

    @property
    def count(self) -> int:
        """Gaussians in the file."""

    @property
    def quality(self) -> int:
        """Sixteenths of an octave of its steps."""


F = TypeVar("F", bound=Fitted)
P = TypeVar("P", bound=Made)


class Way(Protocol[F, P]):
    """How one kind of file is made of a picture."""

    def train(self, count: int, steps: int, quantising: bool) -> F:
        """A fit of at most `count` Gaussians."""

    def press(self, fitted: F, before: P | None, shift: int, sweeps: int) -> P:
        """A file, `shift` sixteenths of an octave coarser than suits the fit.

        Args:
            before: a file of the same fit, to go on from its Gaussians.
        """


@dataclass(frozen=True, eq=False)
class Found(Generic[P]):
    """A file that was found, and how."""

    pressed: P
    trials: tuple[Trial, ...]
    reached: bool


@dataclass
class _Run(Generic[F, P]):
    way: Way[F, P]
    options: EncodeOptions
    pixels: int  # of the picture
    stop: Stop
    trials: list[Trial] = field(default_factory=list)

    @property
    def most(self) -> int:
        """Gaussians that a fit may have."""
        return self.pixels // 4 + 1

    def train(self, count: int, steps: int, quantising: bool) -> F:
        """A fit with `count` Gaussians; at most one for four pixels."""
        return self.way.train(max(1, min(count, self.most)), steps, quantising)

    def press(self, fitted: F, shift: int) -> P:
        """The file of a fit, `shift` sixteenths of an octave coarser than suits it."""
        return self._press(fitted, None, shift, self.options.effort.sweeps)

    def coarser(self, fitted: F, pressed: P, shift: int) -> P:
        """The same Gaussians at coarser steps."""
        return self._press(fitted, pressed, shift, self.options.effort.more_sweeps)

    def _press(self, fitted: F, before: P | None, shift: int, sweeps: int) -> P:
        made = self.way.press(fitted, before, shift, sweeps)
        self.trials.append(Trial(fitted.n, made.count, made.quality, len(made.data), made.psnr))
        return made


def search(way: Way[F, P], options: EncodeOptions, pixels: int, stop: Stop) -> Found[P]:
    """The smallest file that was found to reach the target, or the best one within it.

    Args:
        pixels: of the picture.
        stop: asked again and again; once True, what there is is made a file.

    Raises:
        SearchError: the target cannot be reached, and `options.best_effort` is not given.
    """
    run = _Run(way, options, pixels, stop)
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
    return Found(pressed, tuple(run.trials), reached)


def _to_size(run: _Run[F, P], size: float) -> tuple[P, bool]:
    """The best file of at most `size` bytes."""
    effort, count = run.options.effort, max(1, int(size / BYTES_EACH))
    for left in range(effort.fits - 1, -1, -1):
        fitted = run.train(count, effort.steps, run.options.quantise_training)
        pressed = run.press(fitted, -FINER)
        share = len(pressed.data) / size
        if run.stop() or not left or NEAR <= share <= math.exp(BYTES_A_CLASS * WAY):
            break
        if share < NEAR and fitted.n >= run.most:
            break
        count = max(1, round(fitted.n / share * SPARE))
    shift = -FINER
    if len(pressed.data) < FULL * size and not run.stop():  # finer, then back
        shift -= 1 + round(math.log(size / len(pressed.data)) / BYTES_A_CLASS)
        pressed = run.press(fitted, shift)
    while len(pressed.data) > size and pressed.count and not run.stop():
        if pressed.quality == QUALITY_MAX:
            break
        over = math.log(len(pressed.data) / size) / BYTES_A_CLASS
        shift += max(1, min(8, round(0.7 * over)))
        pressed = run.coarser(fitted, pressed, shift)
    return pressed, len(pressed.data) <= size


def _to_psnr(run: _Run[F, P], wanted: float) -> tuple[P, bool]:
    """The smallest file of at least `wanted` dB, or else the best one."""
    effort = run.options.effort
    steps = min(PROBE_STEPS, effort.steps)
    probe = run.train(max(1, int(run.pixels / PIXELS_EACH)), steps, False)
    count = _count_for(probe.n, wanted - probe.psnr - PROBE_GAIN)
    found: list[tuple[F, P]] = []
    fits: list[tuple[int, float]] = []
    while True:
        fitted = run.train(count, effort.steps, run.options.quantise_training)
        pressed = run.press(fitted, -FINER)
        fits.append((fitted.n, pressed.psnr))
        if not found or _better(pressed, found[-1][1], wanted):
            found.append((fitted, pressed))
        over = pressed.psnr - wanted
        if run.stop() or 0 <= over <= DB_A_CLASS * WAY:
            break
        if len(fits) >= effort.fits + (MORE_FITS if found[-1][1].psnr < wanted else 0):
            break
        if over < 0 and fitted.n >= run.most:
            break
        spare = SPARE_DB if over < 0 else -SPARE_DB
        count = _count_for(fitted.n, spare - over, _slope(fits))
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


def _better(one: P, other: P, wanted: float) -> bool:
    """Whether a file is nearer to `wanted` dB or, where both have them, smaller."""
    if min(one.psnr, other.psnr) >= wanted:
        return len(one.data) < len(other.data)
    return one.psnr > other.psnr


def _count_for(count: int, missing: float, slope: float = DB_A_DOUBLING) -> int:
    """Gaussians that bring `missing` dB more than `count` do, at so many dB a doubling."""
    return max(1, int(count * 2.0 ** (max(-8.0, min(missing, 12.0)) / slope)))


def _slope(fits: list[tuple[int, float]]) -> float:
    """dB a doubling between the last two fits, within reason."""
    if len(fits) < 2:
        return DB_A_DOUBLING
    (before, one), (after, two) = fits[-2:]
    doublings = math.log2(after / before)
    if abs(doublings) < LEAST_DOUBLINGS:
        return DB_A_DOUBLING
    return max(LEAST_SLOPE, min((two - one) / doublings, DB_A_DOUBLING))

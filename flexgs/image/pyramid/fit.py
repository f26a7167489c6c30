# SPDX-License-Identifier: Apache-2.0
"""`fit_pyramid`: levels of Gaussians, trained together.

A level is begun where those before it leave errors at its scale; from then on it is trained with
them, on the sum of the errors of all levels so far. Source: P-GSVC, which found that to be better
than the sequential residuals of LIG; `joint=False` is the latter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from flexgs.errors import SceneError, UsageError
from flexgs.image.fit import FitOptions, Growth, Moment
from flexgs.image.fit.growth import added
from flexgs.image.fit.loop import LOWER
from flexgs.image.fit.schedule import GROWING, Stage, rate_at, step_rates
from flexgs.image.fit.shapes import SHAPES, Bounds
from flexgs.image.fit.starts import first_gaussians
from flexgs.image.fit.state import (
    State,
    adam_step,
    flat_gradient,
    join,
    select,
    start_state,
    take_step,
    to_splats,
)
from flexgs.image.gradient import Gradients, removal_errors
from flexgs.image.model import ImageSplats
from flexgs.image.pyramid.gradient import (
    COARSE_WEIGHT,
    LevelTarget,
    level_gradients,
    level_targets,
    summed,
)
from flexgs.image.pyramid.model import MAX_LEVELS, Pyramid, from_level, to_level
from flexgs.image.render import render, use_threads

F32 = npt.NDArray[np.float32]
Quantise = Callable[[Pyramid], Pyramid]

SHAPE = SHAPES["relative"]


@dataclass(frozen=True)
class PyramidOptions:
    """How `fit_pyramid` works.

    Raises:
        UsageError: a value is out of its range.
    """

    count: int  # of all levels together
    levels: int = 3
    steps: int = 500
    share: float = 0.3  # Gaussians of a level over those of the next finer one
    coarse_weight: float = COARSE_WEIGHT  # of a coarse picture's mean squared error
    coarse_steps: float = 0.1  # of the steps are over before the finest level begins
    joint: bool = True  # False: a level is done once the next begins
    growth: Growth = field(default_factory=Growth)
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        checks = {
            "count": self.count >= 1,
            "levels": 1 <= self.levels <= MAX_LEVELS,
            "steps": self.steps >= self.levels,
            "share": 0.01 <= self.share <= 1,
            "coarse_weight": 0 <= self.coarse_weight <= 100,
            "coarse_steps": 0 <= self.coarse_steps <= 0.9,
        }
        for name, holds in checks.items():
            if not holds:
                raise UsageError(
                    f"option {name} of the pyramid is out of range", found=getattr(self, name)
                )

    @property
    def schedule(self) -> FitOptions:
        """Rates, bounds and when to quantise: those of a fit without levels."""
        return FitOptions(self.count, steps=self.steps, growth=self.growth)

    @property
    def counts(self) -> tuple[int, ...]:
        """Gaussians of each level, coarse to fine."""
        shares = self.share ** np.arange(self.levels - 1, -1, -1)
        ends = np.rint(np.cumsum(shares) / shares.sum() * self.count).astype(int)
        return tuple(int(n) for n in np.diff(ends, prepend=0))

    @property
    def firsts(self) -> tuple[int, ...]:
        """The step at which each level begins."""
        coarse = self.coarse_steps * self.steps / max(1, self.levels - 1)
        return tuple(max(k, int(coarse * k)) for k in range(self.levels))


@dataclass(frozen=True, eq=False)
class PyramidFit:
    """What a fit found: not quantised, also where it knew of a quantiser."""

    pyramid: Pyramid
    psnr: tuple[float, ...]  # dB of each level's picture, clamped; quantised with a quantiser
    steps: int


@dataclass
class _Run:
    options: PyramidOptions
    targets: tuple[LevelTarget, ...]
    quantise: Quantise | None
    rates: F32
    rng: np.random.Generator
    state: State
    ends: list[int]  # rows after each level so far

    @property
    def size(self) -> tuple[int, int]:
        """Of the whole image."""
        height, width = self.targets[-1].image.shape[:2]
        return width, height

    @property
    def level(self) -> LevelTarget:
        """The finest so far."""
        return self.targets[len(self.ends) - 1]

    def splats(self) -> ImageSplats:
        """All rows."""
        return to_splats(self.state, SHAPE, self.size, False)

    def pyramid(self) -> Pyramid:
        """The levels so far."""
        splats, begins = self.splats(), [0, *self.ends[:-1]]
        levels = [splats.select(slice(a, b)) for a, b in zip(begins, self.ends, strict=True)]
        return Pyramid(tuple(levels), len(self.targets))

    def quantises(self, step: int) -> bool:
        """Whether pictures are drawn from quantised values at a step."""
        options = self.options
        return self.quantise is not None and step >= options.schedule.quantise_from * options.steps

    def seen(self, step: int) -> ImageSplats:
        """What pictures are drawn from at a step."""
        if self.quantise is None or not self.quantises(step):
            return self.splats()
        return self.quantise(self.pyramid()).splats(zoom=np.inf)


def fit_pyramid(
    image: F32,  # (h, w, 1 | 3 | 4) in 0..1
    options: PyramidOptions,
    *,
    quantise: Quantise | None = None,
    report: Callable[[Moment], bool | None] | None = None,
    report_every: int = 50,
) -> PyramidFit:
    """Fits all levels; the same bits for any number of threads.

    Args:
        quantise: maps levels to what a file would hold, as many rows in the same order; see
            `flexgs.image.fit.fit`.
        report: hears where the fit is; the PSNR is that of the finest level so far. False ends
            the fit with what there is: perhaps not all levels.

    Raises:
        SceneError: not an image, or the fit went wrong: values that are no numbers.
    """
    use_threads(options.threads)
    run = _start(np.ascontiguousarray(image, np.float32), options, quantise)
    wanted = _rounds(options)
    step = 0
    while step < options.steps:
        _prepare(run, step, wanted)
        found = _measure(run, run.seen(step))
        if step % report_every == 0 and report is not None:
            moment = Moment(step, options.steps, run.state.n, found.psnr)
            if report(moment) is False:
                break
        _move(run, step, found)
        step += 1
    seen, begun = run.seen(step), run.targets[: len(run.ends)]
    psnr = tuple(
        level_gradients(seen.select(slice(0, end)), level).psnr
        for level, end in zip(begun, run.ends, strict=True)
    )
    return PyramidFit(run.pyramid(), psnr, step)


def _start(image: F32, options: PyramidOptions, quantise: Quantise | None) -> _Run:
    targets = level_targets(image, options.levels, options.coarse_weight)
    rng = np.random.default_rng(options.seed)
    count = max(1, round(options.counts[0] * options.growth.first_share))
    small = first_gaussians(targets[0].image, None, count, "content", False, rng)
    height, width = image.shape[:2]
    first = from_level(small, targets[0].halvings, width, height)
    rates = step_rates(options.schedule, image.shape[2])
    return _Run(options, targets, quantise, rates, rng, start_state(first, SHAPE), [first.n])


def _rounds(options: PyramidOptions) -> dict[int, tuple[int, int]]:
    """level, its wanted Gaussians from each step on at which something grows."""
    growth, wanted = options.growth, {}
    firsts = (*options.firsts, options.steps)
    for level, count in enumerate(options.counts):
        first = max(1, round(count * growth.first_share))
        wanted[firsts[level]] = (level, first)
        steps = (firsts[level + 1] - firsts[level]) * growth.until
        for i in range(1, growth.rounds + 1):
            share = min(1.0, i / (GROWING * growth.rounds))
            step = firsts[level] + max(1, int(steps * i / growth.rounds))
            wanted[step] = (level, first + round((count - first) * share))
    return wanted


def _prepare(run: _Run, step: int, wanted: dict[int, tuple[int, int]]) -> None:
    """A level or a round of growth that is due."""
    if step == 0 or step not in wanted:
        return
    level, count = wanted[step]
    if level == len(run.ends):
        run.ends.append(run.ends[-1])
    else:
        _drop_weakest(run)
    begin = 0 if level == 0 else run.ends[level - 1]
    missing = count - (run.ends[level] - begin)
    if missing <= 0:
        return
    place = run.level
    picture = render(to_level(run.splats(), place.halvings), threads=run.options.threads)
    stage = Stage(0, place.halvings, place.image, place.target)
    new = added(stage, picture, missing, False, run.rng)
    run.state = join(run.state, start_state(from_level(new, place.halvings, *run.size), SHAPE))
    run.ends[level] += new.n


def _drop_weakest(run: _Run) -> None:
    """Takes the least of the finest level's Gaussians away, to be added elsewhere."""
    begin = run.ends[-2] if len(run.ends) > 1 else 0
    count = int(run.options.growth.replace_share * (run.ends[-1] - begin))
    errors = removal_errors(to_level(run.splats(), run.level.halvings), run.level.target)
    order = begin + np.argsort(errors[begin:], kind="stable")
    keep = np.ones(run.state.n, np.bool_)
    keep[order[:count]] = False
    run.state = select(run.state, keep)
    run.ends[-1] -= count


def _measure(run: _Run, seen: ImageSplats) -> Gradients:
    """Gradients of all levels' errors; the errors of the finest."""
    begun = run.targets[: len(run.ends)]
    first = 0 if run.options.joint else len(begun) - 1
    parts = []
    for level, end in zip(begun[first:], run.ends[first:], strict=True):
        if level.weight > 0 or level is begun[-1]:
            found = level_gradients(seen.select(slice(0, end)), level)
            parts.append((max(level.weight, 1e-6), found))
    if not np.isfinite(parts[-1][1].mean_square):
        raise SceneError("the fit went wrong: its picture holds no numbers", hint=LOWER)
    return summed(parts, seen.n)


def _move(run: _Run, step: int, found: Gradients) -> None:
    """A step of Adam; Gaussians whose gradient is no number are left out of it."""
    gradient = flat_gradient(run.state, SHAPE, replace(found, opacities=None))
    gradient[~np.isfinite(gradient).all(axis=1)] = 0
    schedule = run.options.schedule
    rates = run.rates * np.float32(rate_at(step, schedule))
    if run.quantises(step):
        rates[:5] *= np.float32(schedule.quantised_rate)
    after, change = adam_step(run.state, gradient, rates)
    if not run.options.joint and len(run.ends) > 1:
        change[: run.ends[-2]] = 0
    bounds = Bounds(schedule.least_scale, float(max(run.size)))
    state = take_step(after, change, SHAPE, bounds, run.size)
    run.state = replace(state, raw=_wide_enough(run, state.raw, schedule.least_scale))


def _wide_enough(run: _Run, raw: F32, least: float) -> F32:  # (n, 3) factors
    """Diagonals of at least so many pixels of the picture that each Gaussian's level belongs to."""
    counts = np.diff(run.ends, prepend=0)
    sides = [least * 2.0**level.halvings for level in run.targets[: len(counts)]]
    lowest = np.repeat(np.array(sides, np.float32), counts)
    return np.stack([np.maximum(raw[:, 0], lowest), raw[:, 1], np.maximum(raw[:, 2], lowest)], 1)

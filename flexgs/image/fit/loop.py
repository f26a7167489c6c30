# SPDX-License-Identifier: Apache-2.0
"""`fit`: Gaussians that show an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.errors import SceneError, UsageError
from flexgs.image.fit.growth import grown
from flexgs.image.fit.options import FitOptions, Loss
from flexgs.image.fit.placing.lbfgs import lbfgs_start
from flexgs.image.fit.schedule import Stage, rate_at, rounds_of, stages_of, step_rates
from flexgs.image.fit.shapes import SHAPES, Bounds, Shapes
from flexgs.image.fit.similarity import ssim_gradient
from flexgs.image.fit.starts import first_gaussians
from flexgs.image.fit.state import (
    State,
    adam_step,
    flat_gradient,
    resized,
    start_state,
    take_step,
    to_splats,
)
from flexgs.image.gradient import Gradients, Target, gradients, removal_errors
from flexgs.image.model import ImageSplats
from flexgs.image.render import render, use_threads

F32 = npt.NDArray[np.float32]
Quantise = Callable[[ImageSplats], ImageSplats]

LOWER = "Lower the rates."
MAX_REPAIRED = 0.01  # of all Gaussians in one step; more is a fit that went wrong


@dataclass(frozen=True)
class Moment:
    """Where a fit is."""

    step: int
    steps: int
    n: int
    psnr: float  # dB, of the picture clamped to 0..1, at the resolution of the moment


@dataclass(frozen=True)
class FitResult:
    """What a fit found.

    Attributes:
        splats: not quantised, also where the fit knew of a quantiser.
        psnr: dB of the picture clamped to 0..1; with a quantiser, of the quantised one.
        steps: that were taken; fewer than asked for where `report` ended the fit.
        history: a moment at each report.
        repaired: Gaussians that were left out of a step because their gradient was no number.
        unseen: Gaussians that reached no pixel and were dropped at the end.
    """

    splats: ImageSplats
    psnr: float
    steps: int
    history: tuple[Moment, ...]
    repaired: int
    unseen: int


@dataclass(frozen=True)
class _Plan:
    """What does not change during a fit."""

    options: FitOptions
    stages: tuple[Stage, ...]
    wanted: dict[int, int]  # Gaussians from a step on
    rates: F32
    quantise: Quantise | None

    @property
    def shapes(self) -> Shapes:
        """The parameterisation."""
        return SHAPES[self.options.shapes]

    def stage(self, step: int) -> Stage:
        """The resolution at a step."""
        return [stage for stage in self.stages if stage.first <= step][-1]

    def quantises(self, step: int) -> bool:
        """Whether pictures are drawn from quantised values at a step."""
        share = self.options.quantise_from
        return self.quantise is not None and step >= share * self.options.steps


@dataclass(frozen=True)
class _Best:
    """The Gaussians to fall back on, at full size; a later kind of picture beats an earlier one."""

    splats: ImageSplats
    key: tuple[int, bool, float]  # minus halvings, quantised, PSNR


def fit(
    image: F32,  # (h, w, 1 | 3 | 4) in 0..1
    options: FitOptions,
    *,
    begin: ImageSplats | None = None,
    quantise: Quantise | None = None,
    report: Callable[[Moment], bool | None] | None = None,
    report_every: int = 50,
    weights: F32 | None = None,  # (h, w) how much each pixel counts
) -> FitResult:
    """Fits Gaussians to an image by gradient descent; the same bits for any number of threads.

    Args:
        begin: what to start from, instead of `options.start`; none are added to it. The options'
            `layers` must agree with it.
        quantise: maps Gaussians to what a file would hold, as many in the same order. From
            `options.quantise_from` of the steps on the picture is drawn from its values, and their
            gradient moves the real ones (straight-through estimator).
        report: hears where the fit is every `report_every` steps; False ends it, with the best
            Gaussians so far.

    Raises:
        SceneError: not an image, or the fit went wrong: values that are no numbers.
    """
    use_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    plan = _Plan(
        options,
        stages_of(image, weights, options),
        rounds_of(options) if begin is None else {},
        step_rates(options, image.shape[2]),
        quantise,
    )
    state = _started(plan, rng) if begin is None else _continued(plan, begin)
    history: list[Moment] = []
    best: _Best | None = None
    step = repaired = 0
    while step < options.steps:
        state = _prepared(plan, state, step, rng)
        found = _measured(plan, state, step)
        if step % report_every == 0:
            best = _better(plan, best, state, step, found.psnr)
            history.append(Moment(step, options.steps, state.n, found.psnr))
            if report is not None and report(history[-1]) is False:
                break
        state, bad = _moved(plan, state, step, found)
        repaired += bad
        step += 1
    best = _better(plan, best, state, step, _measured(plan, state, step).psnr)
    seen = removal_errors(best.splats, plan.stages[-1].target) != 0
    unseen = best.splats.n - int(seen.sum())
    splats = best.splats if unseen == best.splats.n else best.splats.select(seen)
    return FitResult(splats, best.key[2], step, tuple(history), repaired, unseen)


def _started(plan: _Plan, rng: np.random.Generator) -> State:
    stage, options = plan.stages[0], plan.options
    first = first_gaussians(
        stage.image, stage.weights, plan.wanted[0], options.start, options.layers, rng
    )
    if options.lbfgs_steps > 0:
        first = lbfgs_start(first, stage.target, options.lbfgs_steps, options.least_scale)
    return start_state(first, plan.shapes)


def _continued(plan: _Plan, begin: ImageSplats) -> State:
    stage, whole = plan.stages[0], plan.stages[-1]
    have, want = (begin.width, begin.height), whole.size
    if have != want or plan.options.layers != (begin.opacities is not None):
        raise UsageError("what the fit begins from is another image's", expected=want, found=have)
    return resized(start_state(begin, plan.shapes), 0.5**stage.halvings, plan.shapes)


def _prepared(plan: _Plan, state: State, step: int, rng: np.random.Generator) -> State:
    """Changes of resolution and growth that are due."""
    stage, before = plan.stage(step), plan.stage(max(0, step - 1))
    if stage is not before:
        state = resized(state, 2.0 ** (before.halvings - stage.halvings), plan.shapes)
    if step > 0 and step in plan.wanted:
        return grown(state, stage, plan.wanted[step], plan.options, rng)
    return state


def _measured(plan: _Plan, state: State, step: int) -> Gradients:
    """Errors and gradients of the picture, of quantised values where it is time for that."""
    stage = plan.stage(step)
    seen = to_splats(state, plan.shapes, stage.size, plan.options.layers)
    if plan.quantise is not None and plan.quantises(step):
        seen = plan.quantise(seen)
        if seen.n != state.n:
            raise UsageError(
                "the quantiser must keep every Gaussian", expected=state.n, found=seen.n
            )
    found = loss_gradients(seen, stage.image, stage.target, plan.options.loss)
    if not np.isfinite(found.mean_square):
        raise SceneError("the fit went wrong: its picture holds no numbers", hint=LOWER)
    return found


def _better(plan: _Plan, best: _Best | None, state: State, step: int, psnr: float) -> _Best:
    stage = plan.stage(step)
    key = (-stage.halvings, plan.quantises(step), psnr)
    if best is not None and best.key >= key:
        return best
    full = resized(state, 2.0**stage.halvings, plan.shapes)
    size = plan.stages[-1].size
    return _Best(to_splats(full, plan.shapes, size, plan.options.layers), key)


def _moved(plan: _Plan, state: State, step: int, found: Gradients) -> tuple[State, int]:
    """The state after a step of Adam, and how many Gaussians had to be left out of it."""
    gradient = flat_gradient(state, plan.shapes, found)
    bad = ~np.isfinite(gradient).all(axis=1)
    count = int(bad.sum())
    if count > max(1, MAX_REPAIRED * state.n):
        raise SceneError(
            "the fit went wrong: gradients are no numbers",
            found=f"{count} of {state.n}",
            hint=LOWER,
        )
    gradient[bad] = 0
    rate = np.float32(rate_at(step, plan.options))
    rates = plan.rates * rate
    if plan.quantises(step):
        rates[:5] *= np.float32(plan.options.quantised_rate)
    after, change = adam_step(state, gradient, rates)
    stage = plan.stage(step)
    bounds = Bounds(plan.options.least_scale, float(max(stage.size)))
    return take_step(after, change, plan.shapes, bounds, stage.size), count


def loss_gradients(splats: ImageSplats, image: F32, target: Target, loss: Loss) -> Gradients:
    """Gradients of the loss summed over pixels and channels; SSIM takes a picture of its own."""
    if loss.ssim == 0:
        return gradients(splats, target, loss.l2, loss.l1)
    _, slope = ssim_gradient(render(splats, threads=None), image)
    extra = slope * np.float32(-loss.ssim * image.size)
    return gradients(splats, target, loss.l2, loss.l1, extra)

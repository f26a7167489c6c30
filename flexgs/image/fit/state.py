# SPDX-License-Identifier: Apache-2.0
"""What a fit carries from step to step, and the step of Adam."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from flexgs.image.fit.shapes import Bounds, Shapes
from flexgs.image.gradient import Gradients
from flexgs.image.model import MAX_ABS_COLOR, ImageSplats

F32 = npt.NDArray[np.float32]

# Short memories: a Gaussian's surroundings change within some tens of steps.
BETA1, BETA2 = 0.9, 0.95
EPSILON = 1e-12
MARGIN = 50.0  # pixels a mean may lie outside of the picture
MAX_LOGIT = 8.0


@dataclass(frozen=True)
class State:
    """n Gaussians in the coordinates that are stepped, and Adam's moments of each."""

    means: F32  # (n, 2) pixels
    raw: F32  # (n, 3) see `Shapes`
    colors: F32  # (n, channels)
    logits: F32  # (n,) of opacities; (n,) zeros in a sum
    first: F32  # (n, 5 + channels + 1): means, shape, colours, logit
    second: F32
    age: npt.NDArray[np.int32]  # (n,) steps of Adam so far

    @property
    def n(self) -> int:
        """Number of Gaussians."""
        return len(self.means)


def start_state(splats: ImageSplats, shapes: Shapes) -> State:
    """The state of Gaussians that no step has been taken with."""
    n = splats.n
    opacities = np.full(n, 0.5) if splats.opacities is None else splats.opacities
    odds = np.clip(opacities, 1e-3, 1 - 1e-3).astype(np.float64)
    moments = np.zeros((n, 6 + splats.channels), np.float32)
    return State(
        splats.means.copy(),
        shapes.start(splats.cholesky),
        splats.colors.copy(),
        np.log(odds / (1 - odds)).astype(np.float32),
        moments,
        moments.copy(),
        np.zeros(n, np.int32),
    )


def to_splats(state: State, shapes: Shapes, size: tuple[int, int], layers: bool) -> ImageSplats:
    """The Gaussians; size is width, height in pixels."""
    return ImageSplats(
        state.means,
        shapes.cholesky(state.raw),
        state.colors,
        (1 / (1 + np.exp(-state.logits))).astype(np.float32) if layers else None,
        *size,
    )


def select(state: State, index: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> State:
    """The Gaussians that a mask or row numbers pick."""
    return State(*(getattr(state, field.name)[index] for field in fields(State)))


def join(first: State, second: State) -> State:
    """Those of both, in this order."""
    pairs = ((getattr(first, f.name), getattr(second, f.name)) for f in fields(State))
    return State(*(np.concatenate(pair) for pair in pairs))


def resized(state: State, factor: float, shapes: Shapes) -> State:
    """In a picture `factor` times as large; Adam starts anew, since gradients change as well."""
    if factor == 1:
        return state
    zeros = np.zeros_like(state.first)
    return replace(
        state,
        means=state.means * np.float32(factor),
        raw=shapes.scale(state.raw, factor),
        first=zeros,
        second=zeros.copy(),
        age=np.zeros_like(state.age),
    )


def flat_gradient(state: State, shapes: Shapes, gradients: Gradients) -> F32:
    """dL/dstep (n, 5 + channels + 1)."""
    logits = np.zeros(state.n, np.float32)
    if gradients.opacities is not None:
        opacity = 1 / (1 + np.exp(-state.logits))
        logits += gradients.opacities * opacity * (1 - opacity)
    columns = [shapes.gradient(state.raw, gradients), gradients.colors, logits[:, None]]
    return np.concatenate(columns, axis=1)


def adam_step(
    state: State,
    gradient: F32,  # (n, 5 + channels + 1)
    rates: F32,  # (5 + channels + 1,)
) -> tuple[State, F32]:
    """The state with new moments, and the step (n, 5 + channels + 1) to take.

    Each Gaussian counts its own steps, so that a new one does not start with the moments' bias.

    Source: Kingma and Ba, Adam, ICLR 2015, algorithm 1.
    """
    age = state.age + 1
    first = state.first + (1 - BETA1) * (gradient - state.first)
    second = state.second + (1 - BETA2) * (gradient * gradient - state.second)
    t = age[:, None].astype(np.float32)
    height = np.sqrt(second / (1 - np.float32(BETA2) ** t)) + np.float32(EPSILON)
    step = -rates * (first / (1 - np.float32(BETA1) ** t)) / height
    return replace(state, first=first, second=second, age=age), step


def take_step(
    state: State, step: F32, shapes: Shapes, bounds: Bounds, size: tuple[int, int]
) -> State:
    """Moves everything by `step`, within bounds."""
    means, raw = shapes.move(state.means, state.raw, step[:, :5], bounds)
    edge = np.array(size, np.float32) + np.float32(MARGIN)
    return replace(
        state,
        means=np.clip(means, -np.float32(MARGIN), edge),
        raw=raw,
        colors=np.clip(state.colors + step[:, 5:-1], -MAX_ABS_COLOR, MAX_ABS_COLOR),
        logits=np.clip(state.logits + step[:, -1], -MAX_LOGIT, MAX_LOGIT),
    )

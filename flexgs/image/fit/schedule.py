# SPDX-License-Identifier: Apache-2.0
"""When what happens in a fit: resolutions, rounds of growth, rates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.image.fit.options import RATES, FitOptions
from flexgs.image.gradient import Target, make_target

F32 = npt.NDArray[np.float32]

WARM_UP = 10  # steps until the full rate
GROWING = 0.75  # of the rounds; the others only replace
RATE_COUNT = 1000  # Gaussians at which `rates_by_count` changes nothing


@dataclass(frozen=True)
class Stage:
    """Steps at one resolution."""

    first: int  # step
    halvings: int  # of the image's sides
    image: F32  # (h, w, channels)
    target: Target
    weights: F32 | None = None  # (h, w) of the pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width, height in pixels."""
        return self.image.shape[1], self.image.shape[0]


def stages_of(image: F32, weights: F32 | None, options: FitOptions) -> tuple[Stage, ...]:
    """Coarse to fine; the last is the image itself."""
    stages, first = [], 0.0
    for halvings in range(len(options.coarse_shares), 0, -1):
        small = halved(image, halvings)
        counts = None if weights is None else halved(weights[..., None], halvings)[..., 0]
        stages.append(Stage(round(first), halvings, small, make_target(small, counts), counts))
        first += options.coarse_shares[halvings - 1] * options.steps
    whole = np.ascontiguousarray(image, np.float32)
    return (*stages, Stage(round(first), 0, whole, make_target(whole, weights), weights))


def rounds_of(options: FitOptions) -> dict[int, int]:
    """How many Gaussians are wanted from each step on: the start, then the rounds of growth."""
    growth = options.growth
    first = max(1, min(options.count, round(options.count * growth.first_share)))
    if growth.rounds == 0:
        return {0: options.count}
    wanted = {0: first}
    for i in range(1, growth.rounds + 1):
        step = max(1, int(options.steps * growth.until * i / growth.rounds))
        share = min(1.0, i / (GROWING * growth.rounds))
        wanted[step] = first + round((options.count - first) * share)
    return wanted


def rate_at(step: int, options: FitOptions) -> float:
    """Share of the first rate: a short rise, then a cosine down to the final one."""
    share = step / options.steps
    low = options.final_rate
    decayed = low + (1 - low) * 0.5 * (1 + math.cos(math.pi * share))
    return decayed * min(1.0, (step + 1) / WARM_UP)


def step_rates(options: FitOptions, channels: int) -> F32:  # (5 + channels + 1,)
    """Adam's rates at the start, a column of the state each."""
    rates = options.rates or RATES[options.shapes]
    columns = [rates.means] * 2 + [rates.shapes] * 3 + [rates.colors] * channels
    factor = math.sqrt(RATE_COUNT / options.count) if options.rates_by_count else 1.0
    return np.array([*columns, rates.opacities], np.float32) * np.float32(factor)


def halved(image: F32, times: int) -> F32:
    """An image of 2^times smaller sides, by means of areas; an odd last row or column is cut."""
    for _ in range(times):
        for axis in (0, 1):
            pairs = image.shape[axis] // 2
            if pairs > 0:
                even, odd = (image.take(range(k, 2 * pairs, 2), axis) for k in (0, 1))
                image = ((even + odd) / 2).astype(np.float32)
    return np.ascontiguousarray(image, np.float32)

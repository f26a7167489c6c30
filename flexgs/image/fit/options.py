# SPDX-License-Identifier: Apache-2.0
"""What can be chosen about a fit. Each default was the better one in docs/image-fitting.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flexgs.errors import UsageError
from flexgs.image.fit.shapes import SHAPES, ShapeName

How = Literal["add", "split", "clone"]
Start = Literal["content", "superpixels", "random"]
STARTS: tuple[Start, ...] = ("content", "superpixels", "random")
MAX_COUNT = 2_000_000


@dataclass(frozen=True)
class Rates:
    """Size of a step of Adam at the start: in units of the Gaussian (relative), else in pixels."""

    means: float
    shapes: float  # relative: of each factor; rotation: of ln scale and of the angle
    colors: float  # of the display range 0..1
    opacities: float = 0.05  # of the logit


RATES: dict[ShapeName, Rates] = {
    "relative": Rates(0.12, 0.12, 0.04),
    "cholesky": Rates(0.5, 0.5, 0.03),
    "rotation": Rates(0.5, 0.1, 0.03),
}


@dataclass(frozen=True)
class Loss:
    """Weights of l2 r^2 / 2, of l1 |r| and of 1 - SSIM, each a mean over pixels."""

    l2: float = 1.0
    l1: float = 0.0
    ssim: float = 0.0


@dataclass(frozen=True)
class Growth:
    """When and how Gaussians are added where the error is.

    The count is reached after three quarters of the rounds; the others only replace.
    """

    how: How = "add"  # new ones, or two for one of those that lie over the most error
    first_share: float = 0.15  # of the count, at the start
    rounds: int = 12
    until: float = 0.6  # of the steps
    replace_share: float = 0.1  # of all, pruned by removal error and added elsewhere, each round


@dataclass(frozen=True)
class FitOptions:
    """How `fit` works.

    Raises:
        UsageError: a value is out of its range.
    """

    count: int
    steps: int = 1500
    start: Start = "content"
    shapes: ShapeName = "relative"
    layers: bool = False  # alpha compositing instead of summation
    rates: Rates | None = None  # None: RATES of the shapes
    final_rate: float = 0.1  # of the first
    rates_by_count: bool = False  # times sqrt(1000 / count)
    loss: Loss = Loss()
    growth: Growth = Growth()
    coarse_shares: tuple[float, ...] = ()  # of the steps at 1/2, 1/4 ... of the size, finest first
    lbfgs_steps: int = 0  # before the first step of Adam
    least_scale: float = 0.35  # pixels
    quantise_from: float = 0.7  # of the steps
    quantised_rate: float = 0.1  # of place and shape from then on: larger steps hop between levels
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        shares = (
            self.growth.first_share,
            self.growth.until,
            self.quantise_from,
            self.growth.replace_share,
            sum(self.coarse_shares),
            self.final_rate,
            self.quantised_rate,
        )
        checks = {
            "count": 1 <= self.count <= MAX_COUNT,
            "steps": self.steps >= 1,
            "start": self.start in STARTS,
            "shapes": self.shapes in SHAPES,
            "shares": all(0 <= share <= 1 for share in shares) and self.growth.first_share > 0,
            "rounds": self.growth.rounds >= 0,
            "lbfgs_steps": self.lbfgs_steps >= 0,
            "loss": min(self.loss.l2, self.loss.l1, self.loss.ssim) >= 0
            and self.loss.l2 + self.loss.l1 + self.loss.ssim > 0,
            "least_scale": 0.01 <= self.least_scale <= 100,
        }
        for name, holds in checks.items():
            if not holds:
                raise UsageError(
                    f"option {name} of the fit is out of range", found=getattr(self, name, shares)
                )

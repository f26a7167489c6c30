# SPDX-License-Identifier: Apache-2.0
"""From a picture and a wish to the bytes of a pyramid."""

from __future__ import annotations

from dataclasses import dataclass

from flexgs.image.coding.symbols import Plan
from flexgs.image.encode.options import EncodeOptions
from flexgs.image.encode.press import Report, Stop, shifted
from flexgs.image.encode.search import Found, Way, search
from flexgs.image.fit import Moment
from flexgs.image.pixels import Picture
from flexgs.image.pyramid.fit import PyramidOptions, fit_pyramid
from flexgs.image.pyramid.model import Pyramid
from flexgs.image.pyramid.press import (
    PressedPyramid,
    level_plans,
    press_pyramid,
    quantised_pyramid,
)


@dataclass(frozen=True, eq=False)
class _Trained:
    """Fitted levels, and the steps that suit them."""

    pyramid: Pyramid
    plans: tuple[Plan, ...]
    psnr: float  # dB of the whole picture

    @property
    def n(self) -> int:
        """Number of Gaussians."""
        return self.pyramid.n


@dataclass
class _Levels:
    """The `Way` of files of several levels."""

    picture: Picture
    options: EncodeOptions
    levels: int
    report: Report
    stop: Stop
    psnr: float = 20.0  # of the last report
    plans: tuple[Plan, ...] = ()  # of the fit that runs

    def hear(self, moment: Moment) -> bool:
        """False once the fit is to end."""
        self.psnr = moment.psnr
        self.report(moment)
        return not self.stop()

    def quantise(self, pyramid: Pyramid) -> Pyramid:
        """What a file would hold."""
        if len(self.plans) < len(pyramid.levels):
            self.plans = self.plans_for(pyramid)
        return quantised_pyramid(self.plans, pyramid)

    def plans_for(self, pyramid: Pyramid) -> tuple[Plan, ...]:
        """Steps that suit a fit as good as the last report says."""
        return level_plans(self.picture.values, self.psnr, pyramid)

    def train(self, count: int, steps: int, quantising: bool) -> _Trained:
        """See `Way`."""
        steps, self.plans = max(steps, self.levels), ()
        options = PyramidOptions(
            max(self.levels, count),
            self.levels,
            steps,
            seed=self.options.seed,
            threads=self.options.threads,
        )
        found = fit_pyramid(
            self.picture.values,
            options,
            quantise=self.quantise if quantising else None,
            report=self.hear,
            report_every=max(1, min(25, steps // 4)),
        )
        pyramid, self.psnr = found.pyramid.whole(), found.psnr[-1]
        whole = len(self.plans) == self.levels
        return _Trained(pyramid, self.plans if whole else self.plans_for(pyramid), self.psnr)

    def press(
        self, fitted: _Trained, before: PressedPyramid | None, shift: int, sweeps: int
    ) -> PressedPyramid:
        """See `Way`."""
        return press_pyramid(
            self.picture.values,
            tuple(shifted(plan, shift) for plan in fitted.plans),
            fitted.pyramid if before is None else before.pyramid,
            sweeps,
            self.stop,
            deep=self.picture.deep,
            tile=self.options.tile,
        )


def encode_pyramid(
    picture: Picture,
    options: EncodeOptions,
    levels: int,
    *,
    report: Report = lambda _moment: None,
    stop: Stop = lambda: False,
) -> Found[PressedPyramid]:
    """A file of so many levels; the target is of the whole file and of the whole picture.

    Args:
        report: hears of every fit as it goes; the PSNR is that of the finest level so far.
        stop: asked again and again; once True, what there is is made a file.

    Raises:
        UsageError: so many levels cannot be.
        SearchError: the target cannot be reached, and `options.best_effort` is not given.
    """
    way: Way[_Trained, PressedPyramid] = _Levels(picture, options, levels, report, stop)
    return search(way, options, picture.pixels, stop)

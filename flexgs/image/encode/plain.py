# SPDX-License-Identifier: Apache-2.0
"""Pictures as one set of Gaussians: the plain `.fgi`."""

from __future__ import annotations

from dataclasses import dataclass

from flexgs.image.coding.symbols import dequantise
from flexgs.image.encode.options import EncodeOptions
from flexgs.image.encode.press import Pressed, Report, Stop, Trained, press, shifted, trained
from flexgs.image.encode.search import Trial, Way, search
from flexgs.image.fit import FitOptions
from flexgs.image.pixels import Picture


@dataclass(frozen=True, eq=False)
class Encoded:
    """A file that was found, and how."""

    data: bytes
    pressed: Pressed
    trials: tuple[Trial, ...]
    reached: bool


@dataclass
class _Plain:
    """The `Way` of plain files."""

    picture: Picture
    options: EncodeOptions
    report: Report
    stop: Stop

    def train(self, count: int, steps: int, quantising: bool) -> Trained:
        """See `Way`."""
        options = FitOptions(
            count, steps=steps, seed=self.options.seed, threads=self.options.threads
        )
        return trained(self.picture.values, options, quantising, self.report, self.stop)

    def press(self, fitted: Trained, before: Pressed | None, shift: int, sweeps: int) -> Pressed:
        """See `Way`."""
        splats = fitted.splats if before is None else dequantise(before.plan, before.symbols)
        plan = shifted(fitted.plan, shift)
        image, deep, tile = self.picture.values, self.picture.deep, self.options.tile
        return press(image, plan, splats, sweeps, self.stop, deep=deep, tile=tile)


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
    way: Way[Trained, Pressed] = _Plain(picture, options, report, stop)
    found = search(way, options, picture.pixels, stop)
    return Encoded(found.pressed.data, found.pressed, found.trials, found.reached)

# SPDX-License-Identifier: Apache-2.0
"""Which way of writing a format gives the smallest file at the target, by one look at each.

A look writes a file of a part of the scene and renders what is read back in a few views. What a
way costs beyond what has gone is its own error; what is left of the target then says how much may
go, and so how many bytes stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from flexgs.core import Splats
from flexgs.importance.degrees import project_degree, sh_costs
from flexgs.importance.sums import F32, F64
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.pipeline.formats.round_trip import Way, recipes_of, round_trip
from flexgs.pipeline.formats.settle import settle
from flexgs.pipeline.formats.worth import Weighed, Worth, strip
from flexgs.pipeline.rd.reduced import FEWEST, Reduced
from flexgs.pipeline.views import thin_views
from flexgs.progress import Progress
from flexgs.render import Renderer
from flexgs.search import MaxDrop, Target

LOOK_VIEWS = 10
USUAL_BYTES, USUAL_SH_BYTES = 16.0, 8.0  # of a Gaussian, for what goes before a look
SETTLED = 0.65  # of a lower degree's error, after repair in it (bonsai, degree 1)
# Of what the target leaves. Bonsai: a way whose own error was forecast to be 0.89 of it missed the
# target on its own; files were 1 to 9 % larger than forecast by all of it.
CAUTION = 0.85
OVERDRAWN = 4.0  # power of the share by which a way takes more than the target leaves
FIRST_SHARE = 0.5  # of the error that is to spare: losses of neighbours do not just add up


@dataclass(frozen=True, eq=False)
class Prospect:
    """What is known of one way before its strength is searched."""

    way: Way
    splats: Splats  # in the way's degree
    worth: Worth
    own_error: float  # squared, over the views that repair looks at
    overlap: float  # error of all that goes together, over the sum of the errors of each

    def first_strength(self, target: Target, spare: float) -> float:
        """Where to begin when `spare` squared error is left for what goes."""
        if isinstance(target, MaxDrop):
            return self.worth.strength_for(max(spare, 0.0) / self.overlap)
        return self.worth.strength_within(target.size)

    def forecast(self, target: Target, spare: float) -> float:
        """Bytes where own error and what goes use up `spare`; squared error for targets of size.

        A way that takes more than there is may still do, by the measured drop: its bytes count the
        more, the more it takes.
        """
        if not isinstance(target, MaxDrop):
            strength = self.first_strength(target, spare)
            return self.own_error + self.overlap * self.worth.loss(strength)
        room = CAUTION * spare
        strength = self.first_strength(target, room - self.own_error)
        over = max(1.0, self.own_error / room) if room > 0 else math.inf
        return self.worth.bytes_left(strength) * math.pow(over, OVERDRAWN)


@dataclass(frozen=True, eq=False)
class Choice:
    """The ways of a format that were looked at, the most promising one first."""

    prospects: tuple[Prospect, ...]
    finest: Prospect  # meets the target if anything does
    forecast: float  # of the first


@dataclass(frozen=True, eq=False)
class _Sample:
    """The reduced scene in one degree, and the part of it that ways are looked at with."""

    splats: Splats
    guess: Worth
    rest: Splats  # without what usual prices let go
    weights: F64  # squared errors of removal
    with_sh: int  # of the rest
    images: list[F32]  # of the rest
    lost: float  # squared error of the degree itself, once settled


class Scout:
    """Looks at ways of writing one reduced scene, and keeps what they have in common.

    Args:
        spare: squared error that the target leaves.
        repair: whether scenes are repaired in a lower degree.
    """

    def __init__(
        self, reduced: Reduced, weighed: Weighed, renderer: Renderer, spare: float, repair: bool
    ) -> None:
        self._reduced, self._weighed, self._renderer = reduced, weighed, renderer
        self._repair = repair
        self._settled: dict[int, Splats] = {}
        self._views = thin_views(reduced.views, LOOK_VIEWS)
        pixels = [sum(v.width * v.height for v in some) for some in (reduced.views, self._views)]
        self._scale = pixels[0] / max(pixels[1], 1)
        self._whole = self._images(reduced.splats)
        whole = self._guess(reduced.splats)
        self._strength = whole.strength_for(FIRST_SHARE * spare)
        self._samples: dict[int, _Sample] = {}
        sample = self._sample(reduced.splats.degree)
        gone = self._error(self._whole, sample.images)
        self._overlap = gone / max(whole.loss(self._strength), 1e-12) or 1.0

    def _guess(self, splats: Splats) -> Worth:
        costs = sh_costs(splats, self._weighed.blocks, self._weighed.removal)
        return Worth(costs, USUAL_BYTES, USUAL_SH_BYTES)

    def _images(self, splats: Splats) -> list[F32]:
        return [self._renderer.render(splats, view) for view in self._views]

    def _error(self, these: list[F32], those: list[F32]) -> float:
        """Squared differences, scaled up to all of the views."""
        pairs = zip(these, those, strict=True)
        return self._scale * sum(float(np.square(a - b, dtype=np.float64).sum()) for a, b in pairs)

    def _sample(self, degree: int) -> _Sample:
        if degree not in self._samples:
            splats = project_degree(self._reduced.splats, self._weighed.blocks, degree)
            guess = self._guess(splats)
            rest, weights, bare = strip(splats, guess, self._strength, FEWEST)
            lost = 0.0
            if degree < self._reduced.splats.degree:
                kept = SETTLED if self._repair else 1.0
                lost = kept * self._error(self._whole, self._images(splats))
            with_sh, images = rest.n - bare if degree else 0, self._images(rest)
            self._samples[degree] = _Sample(splats, guess, rest, weights, with_sh, images, lost)
        return self._samples[degree]

    def look(self, way: Way) -> Prospect:
        """What to expect of a way."""
        sample = self._sample(way.degree)
        rest = sample.rest
        trip = round_trip(rest, way, sample.weights)
        size = base = len(trip.data)
        if sample.with_sh:
            no_rest = np.zeros_like(rest.sh[:, 1:])
            plain = replace(rest, sh=np.concatenate([rest.sh[:, :1], no_rest], axis=1))
            base = min(size, len(round_trip(plain, way, sample.weights).data))
        prices = base / max(rest.n, 1), (size - base) / max(sample.with_sh, 1)
        own = sample.lost + self._error(sample.images, self._images(trip.decoded))
        worth = Worth(sample.guess.colour, *prices)
        return Prospect(way, sample.splats, worth, own, self._overlap)

    def settle(self, prospect: Prospect, progress: Progress) -> Prospect:
        """The same way after repair in its degree, where that is lower than the scene's."""
        degree = prospect.way.degree
        if not self._repair or degree == self._reduced.splats.degree:
            return prospect
        if degree not in self._settled:
            settled = settle(self._reduced, prospect.splats, self._renderer, progress)
            self._settled[degree] = settled
        splats = self._settled[degree]
        costs = sh_costs(splats, self._weighed.blocks, self._weighed.removal)
        return replace(prospect, splats=splats, worth=replace(prospect.worth, colour=costs))

    def choose(self, entry: SceneFormat, target: Target, spare: float) -> Choice:
        """How to write a format: from the highest degree and the finest recipe to whichever
        neighbour, one degree or one recipe away, is forecast to be better, until none is."""
        recipes = recipes_of(entry)
        highest = min(self._reduced.splats.degree, entry.max_degree)
        place, forecasts = (highest, 0), dict[tuple[int, int], float]()
        prospects: dict[tuple[int, int], Prospect] = {}
        while True:
            degree, recipe = place
            steps = ((degree - 1, recipe), (degree, recipe + 1), (degree + 1, recipe))
            for near in (place, *steps):
                inside = 0 <= near[0] <= highest and near[1] < len(recipes)
                if inside and near not in prospects:
                    prospects[near] = self.look(Way(entry, recipes[near[1]], near[0]))
                    forecasts[near] = prospects[near].forecast(target, spare)
            best = min(forecasts, key=lambda at: forecasts[at])
            if best == place:
                break
            place = best
        order = sorted(prospects, key=lambda at: forecasts[at])
        finest = prospects[highest, 0]
        return Choice(tuple(prospects[at] for at in order), finest, forecasts[place])

# SPDX-License-Identifier: Apache-2.0
"""What every Gaussian and its SH are worth in squared error, and what they take in the file.

One strength decides about both: what saves a byte at less than so much squared error goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.importance import ColourCosts, drop_sh
from flexgs.importance.colour_blocks import add_unseen_view, add_view, empty_blocks
from flexgs.importance.sums import F32, F64, view_contributions
from flexgs.progress import Progress
from flexgs.render import Renderer

BISECTIONS = 60


@dataclass(frozen=True, eq=False)
class Weighed:
    """What the views say about each Gaussian."""

    removal: F64  # (n,) squared error of its removal
    blocks: F32  # (n, k (k + 1) / 2) of its colours, see `colour_blocks`


def weigh(
    splats: Splats, views: Sequence[Camera], renderer: Renderer, progress: Progress
) -> Weighed:
    """One contribution pass a view."""
    removal, blocks = np.zeros(splats.n), empty_blocks(splats)
    with progress.stage("weigh every Gaussian", total=len(views)) as advance:
        for view, found in view_contributions(splats, views, renderer, None, advance):
            removal += found.removal
            add_view(blocks, splats, view, found.colour_weights)
    add_unseen_view(blocks, len(views))
    return Weighed(removal, blocks)


@dataclass(frozen=True, eq=False)
class Worth:
    """Prices and costs of everything that can go."""

    colour: ColourCosts  # of dropping a Gaussian's SH, or all of it
    gaussian_bytes: float  # that the format takes for a Gaussian without SH
    sh_bytes: float  # and for its SH

    def counts(self, strength: float) -> tuple[int, int]:
        """(Gaussians left, of them with SH)."""
        gone, bare = _going(self, strength)
        return int((~gone).sum()), int((~gone & ~bare).sum())

    def bytes_left(self, strength: float) -> float:
        """About what a file of the rest takes."""
        left, with_sh = self.counts(strength)
        return self.gaussian_bytes * left + self.sh_bytes * with_sh

    def loss(self, strength: float) -> float:
        """Summed squared errors of all that goes, as if nothing overlapped."""
        gone, bare = _going(self, strength)
        return float(self.colour.removal[gone].sum() + self.colour.cost[bare & ~gone].sum())

    def strength_for(self, error: float) -> float:
        """The strength whose losses add up to about so much squared error."""
        return _bisect(lambda strength: self.loss(strength) < error)

    def strength_within(self, size: float) -> float:
        """The strength that leaves about so many bytes."""
        return _bisect(lambda strength: self.bytes_left(strength) > size)


def strip(splats: Splats, worth: Worth, strength: float, fewest: int) -> tuple[Splats, F64, int]:
    """Without what is worth less than `strength` a byte.

    At least `fewest` Gaussians stay: the most important ones.

    Returns:
        the rest, the squared errors of their removal, and how many of them have lost their SH.
    """
    gone, bare = _going(worth, strength)
    if gone.sum() > splats.n - fewest:
        order = np.argsort(worth.colour.removal, kind="stable")
        gone = np.zeros(splats.n, bool)
        gone[order[: max(splats.n - fewest, 0)]] = True
    bare &= ~gone
    if splats.degree:
        splats = drop_sh(splats, worth.colour, np.flatnonzero(bare))
    rest = np.flatnonzero(~gone)
    return splats.select(rest), worth.colour.removal[rest], int(bare.sum())


def _bisect(low_enough: Callable[[float], bool]) -> float:
    low, high = 1e-12, 1e12
    for _ in range(BISECTIONS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if low_enough(middle) else (low, middle)
    return low


def _going(worth: Worth, strength: float) -> tuple[np.ndarray, np.ndarray]:
    gone = worth.colour.removal < strength * (worth.gaussian_bytes + worth.sh_bytes)
    bare = worth.colour.cost < strength * worth.sh_bytes
    return gone, bare

# SPDX-License-Identifier: Apache-2.0
"""What every Gaussian and its SH are worth in squared error, and what they take in the file.

One strength decides about both: what saves a byte at less than so much squared error goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flexgs.core import Camera, Splats
from flexgs.importance import ColourCosts, drop_sh, sh_drop_costs
from flexgs.io.formats.scene_format import SceneFormat
from flexgs.pipeline.formats.round_trip import round_trip
from flexgs.progress import Progress
from flexgs.render import Renderer

BISECTIONS = 60


@dataclass(frozen=True, eq=False)
class Worth:
    """Prices and costs of everything that can go."""

    colour: ColourCosts  # of dropping a Gaussian's SH, or all of it
    gaussian_bytes: float  # that the format takes for a Gaussian without SH
    sh_bytes: float  # and for its SH


def find_worth(
    splats: Splats,
    views: Sequence[Camera],
    renderer: Renderer,
    entry: SceneFormat,
    whole: int,  # bytes of the file that holds all of it
    progress: Progress,
) -> Worth:
    """One contribution pass a view, and one file more for the bytes."""
    with progress.stage("weigh every Gaussian", total=len(views)) as advance:
        colour = sh_drop_costs(splats, views, renderer, advance)
    bare_sh = splats.sh.copy()
    bare_sh[:, 1:] = 0
    bare = len(round_trip(replace(splats, sh=bare_sh), entry).data) if splats.degree else whole
    n = max(splats.n, 1)
    return Worth(colour, bare / n, max(0.0, (whole - bare) / n))


def strip(splats: Splats, worth: Worth, strength: float, fewest: int) -> tuple[Splats, int]:
    """Without what is worth less than `strength` a byte; how many of those left have lost their SH.

    At least `fewest` Gaussians stay: the most important ones.
    """
    gone, bare = _going(worth, strength)
    if gone.sum() > splats.n - fewest:
        order = np.argsort(worth.colour.removal, kind="stable")
        gone = np.zeros(splats.n, bool)
        gone[order[: max(splats.n - fewest, 0)]] = True
    bare &= ~gone
    if splats.degree:
        splats = drop_sh(splats, worth.colour, np.flatnonzero(bare))
    return splats.select(np.flatnonzero(~gone)), int(bare.sum())


def strength_for(worth: Worth, error: float) -> float:
    """The strength whose losses add up to about so much squared error."""
    low, high = 1e-12, 1e12
    for _ in range(BISECTIONS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _loss(worth, middle) < error else (low, middle)
    return low


def _loss(worth: Worth, strength: float) -> float:
    gone, bare = _going(worth, strength)
    return float(worth.colour.removal[gone].sum() + worth.colour.cost[bare & ~gone].sum())


def _going(worth: Worth, strength: float) -> tuple[np.ndarray, np.ndarray]:
    gone = worth.colour.removal < strength * (worth.gaussian_bytes + worth.sh_bytes)
    bare = worth.colour.cost < strength * worth.sh_bytes
    return gone, bare

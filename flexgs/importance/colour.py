# SPDX-License-Identifier: Apache-2.0
"""What dropping the view-dependent colour of a Gaussian costs, and the DC that makes up for most.

The image is linear in colours: with S_v = sum of (alpha T)^2 over the pixels of view v, and u_v the
colour that the SH rest gives in view v, replacing u_v by a constant m costs sum_v S_v (u_v - m)^2.
The best constant is the weighted mean, the cost then the weighted variance: the Schur complement of
the colour block A = sum_v S_v Y_v Y_v^T for the one kept coefficient, without ever forming A.

Source: docs/design.md, "Colour is linear"; POTR (2601.14821) for the ridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.core.sh import SH_C0, sh_basis
from flexgs.importance.sums import F32, F64, view_contributions
from flexgs.progress import Advance
from flexgs.render import Renderer

Rows = npt.NDArray[np.int64]

# Views not seen count as uniform directions (mean 0, mean square |h|^2 / 4 pi) of this weight,
# relative to those seen, so that Gaussians seen from one side keep no wild constant.
RIDGE = 0.05


@dataclass(frozen=True)
class ColourCosts:
    """Of dropping all SH above DC."""

    cost: F64  # (n,) added squared error over the views, DC re-solved
    dc_shift: F32  # (n, 3) to add to sh[:, 0] when the rest is dropped
    weights: F64  # (n,) sum over views of S_v
    removal: F64  # (n,) squared error of removing the Gaussian itself, from the same passes


def sh_drop_costs(
    splats: Splats, views: Sequence[Camera], renderer: Renderer, advance: Advance
) -> ColourCosts:
    """Costs for all Gaussians; one contribution pass a view."""
    weights, removal = np.zeros(splats.n), np.zeros(splats.n)
    first, second = np.zeros((splats.n, 3)), np.zeros((splats.n, 3))
    for camera, contributions in view_contributions(splats, views, renderer, None, advance):
        removal += contributions.removal
        seen = np.flatnonzero(contributions.colour_weights > 0)
        share = contributions.colour_weights[seen].astype(np.float64)
        rest = _view_colours(splats, seen, camera)
        weights[seen] += share
        first[seen] += share[:, None] * rest
        second[seen] += share[:, None] * rest**2
    energy = np.square(splats.sh[:, 1:], dtype=np.float64).sum(axis=1) / (4 * np.pi)  # (n, 3)
    prior = RIDGE * weights
    total = np.maximum(weights + prior, np.finfo(np.float64).tiny)
    mean = first / total[:, None]
    cost = (second + prior[:, None] * energy - total[:, None] * mean**2).sum(axis=1)
    return ColourCosts(np.maximum(cost, 0.0), (mean / SH_C0).astype(np.float32), weights, removal)


def _view_colours(splats: Splats, rows: Rows, camera: Camera) -> F32:  # (m, 3)
    """What the SH rest of some Gaussians adds to their colour in one view."""
    directions = splats.means[rows] - camera.center.astype(np.float32)
    lengths = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    basis = sh_basis(directions / lengths, splats.degree)[:, 1:].astype(np.float32)
    return np.asarray(np.einsum("mk,mkc->mc", basis, splats.sh[rows, 1:]))


def drop_sh(splats: Splats, costs: ColourCosts, rows: Rows) -> Splats:
    """`splats` with the SH rest of `rows` dropped and their DC re-solved."""
    sh = splats.sh.copy()
    sh[rows, 1:] = 0.0
    sh[rows, 0] += costs.dc_shift[rows]
    return replace(splats, sh=sh)

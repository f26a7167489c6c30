# SPDX-License-Identifier: Apache-2.0
"""From which directions a scene was photographed, read from its spherical harmonics.

Training starts from zero harmonics and only ever adds the basis vectors Y(direction) of views that
saw the Gaussian, each times a residual. So what is learnt lies in the span of the seen directions
(the least-norm solution of an underdetermined fit): the view-dependent part of the colour,
`sum_{k>0} Y_k sh_k`, is strong towards directions that were seen and fades where none was. Every
Gaussian votes for the half of all candidate positions towards which its own energy is larger; the
share of votes maps where cameras stood. A vote is worth the same for a dull and for a shiny
Gaussian, which keeps lamps and windows from drawing cameras to the side they shine to.

Two groups vote, with equal weight. The subject tells above from below (on a real room capture 0.11
of the votes from under the table, 0.68 at the elevation where the cameras stood) but cannot tell
steep from flat. The background can: it is photographed past the subject, from flat angles.

Clipped and out-of-range colours, the other traces of unseen directions, say less.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.sh import sh_basis

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]

MAX_VOTERS = 2_500  # a group; shares are good to 0.5 / sqrt(2500) = 0.01
MIN_VOTERS = 200
MIN_ENERGY = 1e-6  # mean square of colour: under a quarter of a grey level there is no shine
MAX_DEGREE = 3  # of the basis
MIN_CONTRAST = 0.03  # standard deviation over the sphere, three times the sampling noise


def vote(
    splats: Splats,
    groups: tuple[Rows, ...],  # rows of Gaussians that vote together
    eyes: F64,  # (e, 3) candidate camera positions, even over a sphere
) -> F64 | None:  # (e,)
    """Mean share of votes for each position less 1/2; None where the harmonics say nothing."""
    maps = [m for m in (_share(splats, rows, eyes) for rows in groups) if m is not None]
    if not maps:
        return None
    mean = np.mean(maps, axis=0) - 0.5
    return np.asarray(mean) if float(mean.std()) > MIN_CONTRAST else None


def _share(splats: Splats, rows: Rows, eyes: F64) -> F64 | None:  # (e,)
    degree = min(splats.degree, MAX_DEGREE)
    if degree == 0 or len(rows) == 0:
        return None
    rest = splats.sh[rows, 1 : (degree + 1) ** 2]
    rows = rows[(rest**2).sum(axis=(1, 2)) > 4 * np.pi * MIN_ENERGY]
    if len(rows) < MIN_VOTERS:
        return None
    rows = rows[:: max(1, len(rows) // MAX_VOTERS)]
    rest = splats.sh[rows, 1 : (degree + 1) ** 2]
    means = splats.means[rows].astype(np.float64)
    energy = np.stack([_energy(means, rest, eye, degree) for eye in eyes])
    return np.asarray((energy > np.median(energy, axis=0)).mean(axis=1), dtype=np.float64)


def _energy(means: F64, rest: F32, eye: F64, degree: int) -> F32:  # (m,)
    """Squared view-dependent colour of each Gaussian seen from `eye`."""
    directions = means - eye
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    basis = sh_basis(directions.astype(np.float32), degree)[:, 1:]
    return np.asarray((np.einsum("nk,nkc->nc", basis, rest) ** 2).sum(axis=1))

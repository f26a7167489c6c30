# SPDX-License-Identifier: Apache-2.0
"""From which directions a scene was photographed, read from its spherical harmonics.

Training starts from zero harmonics and only ever adds the basis vectors Y(direction) of views that
saw the Gaussian, each times a residual. So what is learnt lies in the span of the seen directions
(the least-norm solution of an underdetermined fit): the view-dependent part of the colour,
`sum_{k>0} Y_k sh_k`, is strong towards directions that were seen and fades where none was. Its
energy in one direction, divided by its mean over the whole sphere (sum of squares / 4 pi), is 1 on
average for harmonics that know no direction. Averaged over the Gaussians of the subject it draws a
map of camera positions: on a real room capture 1.1 to 1.5 at the elevations where cameras stood,
0.2 below the table. Clipping and out-of-range colours, the other signs we looked at, say less.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.core import Splats
from flexgs.core.sh import sh_basis

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

MAX_GAUSSIANS = 6_000  # evidence is an average; more only cost time
MIN_ENERGY = 1e-6  # mean square of colour: under a quarter of a grey level there is no shine
MAX_DEGREE = 3  # of the basis
MIN_CONTRAST = 0.15  # standard deviation over the sphere; harmonics of pure noise give 0.02


def seen_energy(
    splats: Splats,
    members: npt.NDArray[np.integer],  # (m,) rows of Gaussians of the subject
    eyes: F64,  # (e, 3) candidate camera positions
) -> F64 | None:  # (e,)
    """Relative view-dependent energy towards each position; None where harmonics say nothing."""
    degree = min(splats.degree, MAX_DEGREE)
    if degree == 0 or len(members) == 0:
        return None
    members = members[:: max(1, len(members) // MAX_GAUSSIANS)]
    rest = splats.sh[members, 1 : (degree + 1) ** 2].astype(np.float32)
    mean_energy = (rest**2).sum(axis=(1, 2)) / np.float32(4 * np.pi)
    alive = mean_energy > MIN_ENERGY
    if not alive.any():
        return None
    rest, mean_energy = rest[alive], mean_energy[alive]
    means = splats.means[members][alive].astype(np.float64)
    return np.array([_energy_towards(means, rest, mean_energy, eye, degree) for eye in eyes])


def _energy_towards(means: F64, rest: F32, mean_energy: F32, eye: F64, degree: int) -> float:
    directions = means - eye
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    basis = sh_basis(directions.astype(np.float32), degree)[:, 1:]
    colour = np.einsum("nk,nkc->nc", basis, rest)
    return float(np.mean((colour**2).sum(axis=1) / mean_energy))


def says_something(energy: F64 | None) -> bool:
    """Whether the map differs enough over the sphere to be more than noise."""
    return energy is not None and float(energy.std()) > MIN_CONTRAST

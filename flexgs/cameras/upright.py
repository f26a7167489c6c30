# SPDX-License-Identifier: Apache-2.0
"""Which way is up: the strongest plane under the subject, and the side the cameras were on.

Flat Gaussians lie in surfaces, their shortest axis is the normal. The floor, the table, the ground
carry the subject, so normals gather along the vertical when every Gaussian counts as large as it
looks from there. Which end of it is up, and which of several planes, the seen directions decide:
cameras look down on things. Where the harmonics are silent, the usual frame of such files decides.
Up sets the roll of the invented cameras, and where they stand if the harmonics are silent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flexgs.cameras.subject import Subject
from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.rotations import quats_to_matrices

F64 = npt.NDArray[np.float64]

FLATNESS = 1.0  # middle axis at least e times the shortest: thinner than it is wide
NEAR = 8.0  # subject radii: what stands on the floor, and the floor
SPREAD_DEG = 6.0  # width of the kernel that finds where normals gather
SAMPLE = 4_000
USUAL_UP = np.array([0.0, -1.0, 0.0])  # COLMAP's frame, so most 3DGS files', has y down
DIRECTIONS = 1_000  # 6 degrees apart


def fibonacci_sphere(count: int) -> F64:  # (count, 3)
    """Unit vectors spread evenly, from the pole +z to the pole -z.

    Source: Gonzalez, "Measurement of areas on a sphere using Fibonacci and latitude-longitude
    lattices" (2010).
    """
    z = 1 - (2 * np.arange(count) + 1) / count
    azimuth = np.arange(count) * (np.pi * (3 - np.sqrt(5)))
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z], axis=1)


def normal_density(splats: Splats, subject: Subject, axes: F64) -> F64 | None:  # (a, 3) -> (a,)
    """How much surface faces along each axis; None where nothing is flat."""
    order = np.sort(splats.log_scales, axis=1)
    flat = (order[:, 1] - order[:, 0] > FLATNESS) & (subject.distances < NEAR * subject.radius)
    rows = np.flatnonzero(flat)
    rows = rows[:: max(1, len(rows) // SAMPLE)]
    if len(rows) == 0:
        return None
    area = np.exp(order[rows, 1].astype(np.float64) + order[rows, 2])
    area /= subject.distances[rows] ** 2 + subject.radius**2  # as large as it looks from there
    weights = area * sigmoid(splats.opacity_logits[rows].astype(np.float64))
    weights = np.minimum(weights, np.quantile(weights, 0.95))  # no single slab decides
    shortest = np.argmin(splats.log_scales[rows], axis=1)
    normals = quats_to_matrices(splats.quats[rows])[np.arange(len(rows)), :, shortest]
    width = 1 - np.cos(np.radians(SPREAD_DEG))
    density = np.array(
        [weights @ np.exp((np.abs(normals @ axis.astype(np.float32)) - 1) / width) for axis in axes]
    )
    return np.asarray(density / max(float(weights.sum()), 1e-300))


def find_up(
    splats: Splats,
    subject: Subject,
    directions: F64,  # (m, 3) unit, from the subject towards possible cameras
    votes: F64 | None,  # (m,) above 0 where cameras may have stood
) -> F64:  # (3,) unit
    """The unit vector that points up."""
    axes = fibonacci_sphere(DIRECTIONS)
    density = normal_density(splats, subject, axes)
    if density is None:
        density = np.ones(len(axes))
    lean = USUAL_UP if votes is None else directions.T @ np.maximum(votes, 0)
    toward = np.maximum(axes @ lean, 0)  # the longer, the more one-sided; its length cancels
    return np.asarray(axes[int(np.argmax(density * toward))])

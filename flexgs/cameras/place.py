# SPDX-License-Identifier: Apache-2.0
"""Where to put cameras around a subject: directions by evidence, distances by framing.

Who photographs a subject steps back until it fills the frame, and walks around it. So the distance
is the one at which the ball of the subject just fits the height of the picture, and the directions
are drawn from the map of seen directions, in steps of equal evidence (systematic resampling of an
even lattice: deterministic, and spread as evenly as the density allows).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.cameras.evidence import says_something, seen_energy
from flexgs.cameras.subject import Subject
from flexgs.cameras.upright import fibonacci_sphere, find_up
from flexgs.core import Camera, Splats
from flexgs.core.views import look_at

F64 = npt.NDArray[np.float64]

HORIZONTAL_FOV_DEG = 52.0  # about a 37 mm lens on 35 mm film; phones 65, Mip-NeRF 360 45 to 60
ASPECT = 2 / 3  # height / width of most cameras
LATTICE = 800  # directions on which the evidence is mapped; 5 degrees apart
NEARER, FARTHER = 0.75, 1.3  # nobody keeps the distance, and our guess of it is rough
AIM_SPREAD = 0.25  # subject radii, a coordinate: what is looked at beside the centre
ELEVATIONS_DEG = (0.0, 60.0)  # of cameras when harmonics are silent
SEED = 20_240
# Fractional parts that fill the unit cube evenly: powers of the root of x^4 = x + 1.
# Source: M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018).
SEQUENCE = np.array([0.8191725133961645, 0.6710436067037893, 0.5497004779019703])


@dataclass(frozen=True)
class Stance:
    """The distribution that cameras are drawn from."""

    subject: Subject
    up: F64  # (3,) unit
    distance: float  # scene units, typical
    directions: F64  # (m, 3) unit, from the subject to the camera
    weights: F64  # (m,) sum 1
    from_harmonics: bool  # False: no evidence, an upper belt was assumed


def framing_distance(radius: float) -> float:
    """Distance at which a ball of `radius` just fits the height of the picture."""
    half_height = np.arctan(ASPECT * np.tan(np.radians(HORIZONTAL_FOV_DEG / 2)))
    return float(radius / np.sin(half_height))


def find_stance(splats: Splats, subject: Subject) -> Stance:
    """Maps the evidence on a sphere around the subject and turns it into a density."""
    directions = fibonacci_sphere(LATTICE)
    distance = framing_distance(subject.radius)
    members = np.flatnonzero(subject.distances < distance / 2)
    energy = seen_energy(splats, members, subject.center + distance * directions)
    usable = says_something(energy)
    up = find_up(splats, subject, directions, energy if usable else None)
    if usable and energy is not None:
        weights = np.maximum(energy - 1, 0)  # more than harmonics that know no direction
    else:
        low, high = np.sin(np.radians(ELEVATIONS_DEG))
        heights = directions @ up
        weights = ((heights >= low) & (heights <= high)).astype(np.float64)
    return Stance(subject, up, distance, directions, weights / weights.sum(), usable)


def draw_cameras(stance: Stance, count: int, width: int) -> tuple[Camera, ...]:
    """`count` cameras; any stretch of them is spread over the whole distribution."""
    generator = np.random.default_rng(SEED)
    shares = (np.arange(count) + 0.5) / count
    picks = np.searchsorted(np.cumsum(stance.weights), shares).clip(max=len(stance.weights) - 1)
    picks = generator.permutation(picks)
    steps = (0.5 + np.arange(1, count + 1)[:, None] * SEQUENCE) % 1
    distances = stance.distance * (NEARER + (FARTHER - NEARER) * steps[:, 0])
    aims = stance.subject.radius * AIM_SPREAD * generator.standard_normal((count, 3))
    eyes = stance.subject.center + stance.directions[picks] * distances[:, None]
    targets = stance.subject.center + aims
    return tuple(
        make_camera(f"invented_{i:04d}", eye, target, stance.up, width)
        for i, (eye, target) in enumerate(zip(eyes, targets, strict=True))
    )


def make_camera(name: str, eye: F64, target: F64, up: F64, width: int) -> Camera:
    """A camera with the assumed lens at `eye`, looking at `target`."""
    height = max(1, round(width * ASPECT))
    focal = width / 2 / np.tan(np.radians(HORIZONTAL_FOV_DEG / 2))
    pose = look_at(eye, target, up)
    return Camera(name, width, height, focal, focal, width / 2, height / 2, pose)

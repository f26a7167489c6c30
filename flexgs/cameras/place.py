# SPDX-License-Identifier: Apache-2.0
"""Where to put cameras around a subject: directions by evidence, distances by framing.

Who photographs a subject steps back until it fills the frame, and walks around it. So the distance
is the one at which the ball of the subject just fits the height of the picture, and the directions
spread evenly over the part of the sphere that the votes (evidence.py) speak for. Where positions
inside the subject get more votes than any around it, the scene is a room seen from within: cameras
then stand about its middle and look outward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.cameras.evidence import vote
from flexgs.cameras.subject import Subject
from flexgs.cameras.upright import fibonacci_sphere, find_up
from flexgs.core import Camera, Splats
from flexgs.core.views import look_at

F64 = npt.NDArray[np.float64]

HORIZONTAL_FOV_DEG = 52.0  # about a 37 mm lens on 35 mm film; phones 65, Mip-NeRF 360 45 to 60
ASPECT = 2 / 3  # height / width of most cameras
LATTICE = 800  # directions that are voted on; 7 degrees apart
MERIDIAN_DEG = 20.0  # half width of the sector in which a direction competes with others
HALF = 0.5  # of the best in its sector: full width at half maximum
NEARER, FARTHER = 0.75, 1.3  # nobody keeps the distance, and our guess of it is rough
AIM_SPREAD = 0.25  # subject radii, a coordinate: what is looked at beside the centre
BELT_DEG = (-15.0, 65.0)  # elevations of cameras when there are no harmonics
INNER = 0.35  # subject radii from its centre: where cameras stand in a room
INNER_LATTICE = 100
OUTWARD_DEG = 35.0  # largest pitch of a camera that looks around in a room
SEED = 20_240
PLASTIC = 0.7548776662466927  # 1 / root of x^3 = x + 1: multiples of it spread evenly over (0, 1)


@dataclass(frozen=True)
class Stance:
    """The distribution that cameras are drawn from: a part of the sphere around the subject."""

    subject: Subject
    up: F64  # (3,) unit
    distance: float  # scene units, typical, from the centre of the subject
    inside: bool  # cameras stand in the subject and look outward
    directions: F64  # (m, 3) unit, from the subject to the camera, even over the sphere
    support: npt.NDArray[np.bool_]  # (m,) where cameras may stand
    from_harmonics: bool  # False: no evidence, a belt was assumed


def framing_distance(radius: float) -> float:
    """Distance at which a ball of `radius` just fits the height of the picture."""
    half_height = np.arctan(ASPECT * np.tan(np.radians(HORIZONTAL_FOV_DEG / 2)))
    return float(radius / np.sin(half_height))


def find_stance(splats: Splats, subject: Subject) -> Stance:
    """Has the harmonics vote on a sphere around the subject, and cuts at half maximum."""
    directions = fibonacci_sphere(LATTICE)
    distance = framing_distance(subject.radius)
    near = subject.distances < distance / 2
    groups = (np.flatnonzero(near), np.flatnonzero(~near))
    offsets = np.concatenate(
        [distance * directions, INNER * subject.radius * fibonacci_sphere(INNER_LATTICE)]
    )
    votes = vote(splats, groups, subject.center + offsets)
    outer = None if votes is None else votes[:LATTICE]
    up = find_up(splats, subject, directions, outer)
    inside = votes is not None and float(votes[LATTICE:].mean()) > float(votes[:LATTICE].max())
    if inside:
        distance = INNER * subject.radius
    if outer is not None and not inside:
        support = above_half(outer, directions, up)
    elif inside or splats.degree > 0:  # harmonics that favour no side: it was seen from all
        support = np.ones(LATTICE, bool)
    else:
        low, high = np.sin(np.radians(BELT_DEG))
        support = (directions @ up >= low) & (directions @ up <= high)
    return Stance(subject, up, distance, inside, directions, support, votes is not None)


def above_half(votes: F64, directions: F64, up: F64) -> npt.NDArray[np.bool_]:  # (m,), (m, 3)
    """Where the votes reach half of the best in their sector of azimuth.

    Each side of the subject has a maximum of its own: it is the light that makes one side shine
    more than another, photographers walk round. Sides with no vote above average stay empty.
    """
    right = np.cross(up, np.eye(3)[int(np.argmin(np.abs(up)))])
    right /= np.linalg.norm(right)
    azimuth = np.arctan2(directions @ np.cross(up, right), directions @ right)
    apart = np.abs((azimuth[:, None] - azimuth + np.pi) % (2 * np.pi) - np.pi)
    best = np.where(apart < np.radians(MERIDIAN_DEG), votes, -np.inf).max(axis=1)
    return np.asarray((votes > 0) & (votes >= HALF * best))


def draw_cameras(stance: Stance, count: int, width: int) -> tuple[Camera, ...]:
    """About `count` cameras, even over the support."""
    draw = _draw_inside if stance.inside else _draw_around
    return tuple(
        make_camera(f"invented_{i:04d}", eye, target, stance.up, width)
        for i, (eye, target) in enumerate(zip(*draw(stance, count), strict=True))
    )


def _draw_around(stance: Stance, count: int) -> tuple[F64, F64]:  # (v, 3) eyes, (v, 3) targets
    lattice = fibonacci_sphere(max(1, round(count / stance.support.mean())))
    owner = np.argmax(lattice @ stance.directions.T, axis=1)
    directions = lattice[stance.support[owner]]
    steps = ((np.arange(len(directions)) + 1) * PLASTIC) % 1
    distances = stance.distance * (NEARER + (FARTHER - NEARER) * steps)
    generator = np.random.default_rng(SEED)
    aims = stance.subject.radius * AIM_SPREAD * generator.standard_normal(directions.shape)
    center = stance.subject.center
    return center + directions * distances[:, None], center + aims


def _draw_inside(stance: Stance, count: int) -> tuple[F64, F64]:  # (v, 3) eyes, (v, 3) targets
    """Eyes in a flat ball, looks evenly all around."""
    steepest = np.sin(np.radians(OUTWARD_DEG))
    looks = fibonacci_sphere(max(1, round(count / steepest)))  # area of a belt: sine of its edge
    looks = looks[np.abs(looks @ stance.up) <= steepest]
    generator = np.random.default_rng(SEED)
    stands = generator.permutation(fibonacci_sphere(len(looks)))
    stands -= 0.5 * (stands @ stance.up)[:, None] * stance.up  # people walk, they do not fly
    steps = ((np.arange(len(looks)) + 1) * PLASTIC) % 1
    eyes = stance.subject.center + stance.distance * np.sqrt(steps)[:, None] * stands
    return eyes, eyes + stance.subject.radius * looks


def make_camera(name: str, eye: F64, target: F64, up: F64, width: int) -> Camera:
    """A camera with the assumed lens at `eye`, looking at `target`."""
    height = max(1, round(width * ASPECT))
    focal = width / 2 / np.tan(np.radians(HORIZONTAL_FOV_DEG / 2))
    pose = look_at(eye, target, up)
    return Camera(name, width, height, focal, focal, width / 2, height / 2, pose)

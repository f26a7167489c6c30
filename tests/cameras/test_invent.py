# SPDX-License-Identifier: Apache-2.0
"""Cameras are invented where the scene was photographed from."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.cameras import InventedCameras, invent_cameras
from flexgs.core import Splats, split_views
from flexgs.errors import SceneError
from flexgs.render.cpu import CpuRenderer
from tests.cameras import captures

COUNT, WIDTH = 40, 60
RENDERER = CpuRenderer()


def invent(splats: Splats, count: int = COUNT) -> InventedCameras:
    return invent_cameras(splats, RENDERER, count=count, width=WIDTH)


def elevations(found: InventedCameras) -> np.ndarray:
    offsets = np.array([camera.center for camera in found.cameras]) - found.center
    return np.degrees(np.arcsin(offsets @ captures.UP / np.linalg.norm(offsets, axis=1)))


@pytest.fixture(scope="module")
def orbited() -> Splats:
    return captures.object_on_floor(captures.ring(4.0, (15, 50)))


@pytest.fixture(scope="module")
def found(orbited: Splats) -> InventedCameras:
    return invent(orbited)


def test_they_look_at_the_detail_from_a_framing_distance(found: InventedCameras) -> None:
    assert np.linalg.norm(found.center) < 0.3
    assert 2.5 < found.distance < 5


def test_up_is_the_normal_of_the_floor_on_the_side_of_the_cameras(found: InventedCameras) -> None:
    assert found.up @ captures.UP > 0.97


def test_they_stand_at_the_elevations_that_were_seen(found: InventedCameras) -> None:
    heights = elevations(found)
    assert np.mean((heights > 5) & (heights < 65)) > 0.85
    assert heights.min() > -10


def test_they_go_all_the_way_around(found: InventedCameras) -> None:
    offsets = np.array([camera.center for camera in found.cameras]) - found.center
    azimuth = np.degrees(np.arctan2(offsets @ captures.NORTH, offsets @ captures.EAST))
    counts = np.histogram(azimuth, np.linspace(-180, 180, 7))[0]
    assert counts.min() >= 3


def test_a_side_that_nobody_saw_gets_few_cameras() -> None:
    half = captures.object_on_floor(captures.ring(4.0, (15, 50), (0, 150)))
    found = invent(half)
    offsets = np.array([camera.center for camera in found.cameras]) - found.center
    middle = np.cos(np.radians(75)) * captures.EAST + np.sin(np.radians(75)) * captures.NORTH
    assert np.mean(offsets @ middle > 0) > 0.8


def test_a_room_seen_from_within_is_looked_at_from_within() -> None:
    rng = np.random.default_rng(5)
    found = invent(captures.room(rng.uniform(-1.2, 1.2, (120, 3))))
    centers = np.array([camera.center for camera in found.cameras])
    assert np.abs(centers).max() < 3
    assert "inside" in found.note


def test_without_harmonics_they_stand_in_a_belt_and_the_note_says_so() -> None:
    found = invent(captures.object_on_floor(captures.ring(4.0, (15, 50), count=1), degree=0))
    assert len(found.cameras) >= COUNT // 2
    assert "do not tell" in found.note


def test_the_same_scene_gives_the_same_cameras(orbited: Splats, found: InventedCameras) -> None:
    again = invent(orbited)
    for one, two in zip(found.cameras, again.cameras, strict=True):
        assert one.name == two.name
        assert np.array_equal(one.world_to_camera, two.world_to_camera)


def test_names_are_sorted_and_held_out_views_keep_their_distance(found: InventedCameras) -> None:
    names = [camera.name for camera in found.cameras]
    assert names == sorted(set(names))
    report = np.array([camera.center for camera in split_views(found.cameras).report])
    gaps = np.linalg.norm(report[:, None] - report, axis=2) + np.eye(len(report)) * 1e9
    assert gaps.min() > 0.5 * found.distance


def test_an_outlier_far_away_changes_next_to_nothing(
    orbited: Splats, found: InventedCameras
) -> None:
    far = orbited.select(np.r_[np.arange(orbited.n), 0, 1, 2])
    means = far.means.copy()
    means[-3:] = [[1e4, 0, 0], [0, -1e4, 0], [1e4, 1e4, 1e4]]
    moved = Splats(means, far.log_scales, far.quats, far.opacity_logits, far.sh)
    other = invent(moved)
    assert np.linalg.norm(other.center - found.center) < 0.1
    assert abs(other.distance / found.distance - 1) < 0.1


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_gaussians_ask_for_cameras(orbited: Splats, n: int) -> None:
    with pytest.raises(SceneError, match="give --cameras"):
        invent(orbited.select(slice(0, n)))


def test_invisible_gaussians_ask_for_cameras(orbited: Splats) -> None:
    ghost = Splats(
        orbited.means,
        orbited.log_scales,
        orbited.quats,
        np.full(orbited.n, -12.0),
        orbited.sh,
    )
    with pytest.raises(SceneError, match="give --cameras"):
        invent(ghost)


def test_a_handful_in_a_plane_is_enough() -> None:
    means = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0.5, 0.5, 0]])
    few = Splats(means, np.full((5, 3), -2.0), np.ones((5, 4)), np.full(5, 2.0), np.ones((5, 1, 3)))
    assert len(invent(few, count=16).cameras) >= 8


def test_two_dimensional_scenes_are_refused() -> None:
    flat = Splats(
        np.zeros((3, 2)), np.zeros((3, 2)), np.ones((3, 4)), np.zeros(3), np.zeros((3, 1, 3))
    )
    with pytest.raises(SceneError, match="give --cameras"):
        invent(flat)

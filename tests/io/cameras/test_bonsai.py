# SPDX-License-Identifier: Apache-2.0
"""The real scene: two descriptions of 292 cameras agree, and look where the scene is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flexgs.io import load_cameras, read_image, read_ply
from flexgs.io.cameras import read_cameras


def test_all_cameras_and_photographs_are_found(bonsai: Path) -> None:
    found = load_cameras(None, None, bonsai / "point_cloud.ply")
    assert (found.source, found.photographs, found.notes) == ("cameras.json", 292, ())
    assert len({camera.name for camera in found.cameras}) == 292
    assert {(camera.width, camera.height) for camera in found.cameras} == {(800, 533)}
    path = found.cameras[0].image_path
    assert path is not None
    image = read_image(path)
    assert image.shape == (533, 800, 3)
    assert 0.05 < image.mean() < 0.95


def test_colmap_and_cameras_json_agree(bonsai: Path) -> None:
    inria = {camera.name: camera for camera in read_cameras(bonsai / "cameras.json")[0]}
    colmap = {camera.name: camera for camera in read_cameras(bonsai / "sparse" / "0")[0]}
    assert inria.keys() == colmap.keys()
    for name, camera in inria.items():
        other = colmap[name]
        np.testing.assert_allclose(camera.world_to_camera, other.world_to_camera, atol=1e-9)
        np.testing.assert_allclose(
            (camera.fx, camera.fy, camera.cx, camera.cy), (other.fx, other.fy, other.cx, other.cy)
        )


def test_cameras_look_at_the_bonsai(bonsai: Path) -> None:
    cameras = read_cameras(bonsai / "cameras.json")[0]
    # the point nearest to all optical axes, by least squares
    across = [
        np.eye(3) - np.outer(c.world_to_camera[2, :3], c.world_to_camera[2, :3]) for c in cameras
    ]
    places = np.array([camera.center for camera in cameras])
    target = np.linalg.solve(sum(across), sum(a @ c for a, c in zip(across, places, strict=True)))
    for camera in cameras:
        x, y, z = camera.world_to_camera[:3, :3] @ target + camera.world_to_camera[:3, 3]
        assert z > 0
        assert 0 < camera.fx * x / z + camera.cx < camera.width
        assert 0 < camera.fy * y / z + camera.cy < camera.height
    # there is matter there, and the cameras stand around it, upright
    splats = read_ply(bonsai / "point_cloud.ply").splats
    assert (np.linalg.norm(splats.means - target, axis=1) < 1).mean() > 0.1
    assert (places.min(axis=0) < target).all()
    assert (places.max(axis=0) > target).all()
    downs = np.array([camera.world_to_camera[1, :3] for camera in cameras])
    mean = downs.mean(axis=0)
    assert (downs @ mean / np.linalg.norm(mean) > 0.5).all()

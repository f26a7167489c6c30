# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Camera, split_views
from flexgs.core.views import look_at
from flexgs.errors import SceneError


def camera(name: str, **changes: object) -> Camera:
    values = {"width": 10, "height": 8, "fx": 9.0, "fy": 9.0, "cx": 5.0, "cy": 4.0}
    pose = {"world_to_camera": np.eye(4)}
    return Camera(name, **{**values, **pose, **changes})  # type: ignore[arg-type]


def test_views_are_split_by_sorted_name() -> None:
    names = [f"{k:03d}" for k in range(40)]
    shuffled = np.random.default_rng(0).permutation(names)
    split = split_views(tuple(camera(str(name)) for name in shuffled))
    assert [c.name for c in split.report] == names[::8]
    assert [c.name for c in split.search] == names[4::8]
    assert len(split.scoring) == 30
    assert split.note is None


@pytest.mark.parametrize("count", range(16))
def test_few_views_are_said_to_be_few(count: int) -> None:
    split = split_views(tuple(camera(f"{k:02d}") for k in range(count)))
    assert split.note is not None
    sets = [{c.name for c in s} for s in (split.report, split.search, split.scoring)]
    assert all(sets) or count == 0
    if count >= 3:
        assert not sets[0] & sets[1]
        assert not sets[0] & sets[2]
        assert not sets[1] & sets[2]
        assert len(set.union(*sets)) == count


def test_a_scaled_camera_sees_the_same() -> None:
    half = camera("a").scaled(0.5)
    assert (half.width, half.height, half.fx, half.cx) == (5, 4, 4.5, 2.5)


def test_look_at_puts_the_target_ahead_and_up_upwards() -> None:
    pose = look_at([1, 2, 3], [4, 0, -1], [0, 1, 0])
    target = pose[:3, :3] @ [4, 0, -1] + pose[:3, 3]
    np.testing.assert_allclose(target[:2], 0, atol=1e-12)
    assert target[2] > 0
    assert (pose[:3, :3] @ [0, 1, 0])[1] < 0  # y points down in the image
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(camera("a", world_to_camera=pose).center, [1, 2, 3])


def test_looking_along_up_still_gives_a_pose() -> None:
    pose = look_at([0, 5, 0], [0, 0, 0], [0, 1, 0])
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"height": 10**6},
        {"fx": 0.0},
        {"cy": float("nan")},
        {"world_to_camera": np.eye(3)},
        {"world_to_camera": 2 * np.eye(4)},
        {"world_to_camera": np.full((4, 4), np.inf)},
    ],
)
def test_unusable_cameras_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SceneError, match="camera 'a'"):
        camera("a", **changes)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import flexgs
from flexgs.core import Camera, Splats
from flexgs.core.rotations import euler_to_matrix
from flexgs.core.sh import sh_basis
from flexgs.core.transforms import place
from flexgs.core.views import look_at
from flexgs.editing import Motion
from flexgs.errors import SceneError, UsageError
from flexgs.io import write_ply
from flexgs.io.cameras import read_cameras
from flexgs.io.cameras.inria import write_inria
from flexgs.render import get_renderer

MOTIONS = {
    "scale": Motion(scale=3.0),
    "rotate": Motion(rotate=(20.0, -70.0, 130.0)),
    "translate": Motion(translate=(2.0, -1.0, 0.5)),
    "quarter turn": Motion(rotate=(90.0, 0.0, 0.0)),
    "half turn": Motion(rotate=(180.0, 0.0, 0.0)),
    "all": Motion(0.4, (15.0, 200.0, -33.0), (-3.0, 0.2, 1.0)),
}
# Float32 positions and sizes move by 1e-7 of themselves. A Gaussian at the border of its tile or
# of 1/255 may then fall to the other side of it, on single pixels, by less than that 1/255.
MEAN_BOUND, WORST_BOUND = 2e-6, 1.2 / 255


def camera() -> Camera:
    pose = look_at([0.3, -0.4, -4.0], [0.1, 0.05, 0.0], [0.1, -1.0, 0.05])
    return Camera("a", 96, 72, 105.0, 95.0, 45.0, 39.0, pose)


@pytest.mark.parametrize("name", MOTIONS)
def test_the_moved_scene_looks_the_same_to_the_moved_camera(splats: Splats, name: str) -> None:
    motion, view = MOTIONS[name], camera()
    renderer = get_renderer("cpu", 1)
    before = renderer.render(splats, view)
    (moved,) = motion.move_cameras([view])
    after = renderer.render(motion.move(splats), moved)
    off = np.abs(after - before)
    assert float(off.mean()) < MEAN_BOUND
    assert float(off.max()) < WORST_BOUND
    assert float(before.std()) > 0.05
    if name != "translate" and name != "scale":  # it does matter that SH turn
        unturned = renderer.render(
            Splats(*(getattr(motion.move(splats), f) for f in FIELDS), splats.sh), moved
        )
        assert float(np.abs(unturned - before).mean()) > 1e-3


FIELDS = ("means", "log_scales", "quats", "opacity_logits")


@pytest.mark.parametrize("name", MOTIONS)
def test_there_is_a_way_back(splats: Splats, name: str) -> None:
    motion = MOTIONS[name]
    there = motion.move(splats)
    back = motion.rotation.T
    shift = -back @ np.array(motion.translate) / motion.scale
    again = place(there, back, 1 / motion.scale, shift)
    np.testing.assert_allclose(again.means, splats.means, atol=2e-6)
    np.testing.assert_allclose(again.log_scales, splats.log_scales, atol=1e-6)
    np.testing.assert_allclose(again.sh, splats.sh, atol=1e-6)
    signs = np.sign(np.sum(again.quats * splats.quats, axis=1, keepdims=True))
    np.testing.assert_allclose(signs * again.quats, splats.quats, atol=3e-6)


def test_the_order_is_scale_rotate_translate() -> None:
    motion = Motion(2.0, (0.0, 0.0, 90.0), (10.0, 0.0, 0.0))
    one = Splats([[1, 0, 0]], np.zeros((1, 3)), [[1, 0, 0, 0]], [0.0], np.zeros((1, 1, 3)))
    moved = motion.move(one)
    assert moved.means.tolist() == [[10, 2, 0]]
    assert (motion.matrix @ [1, 0, 0, 1]).tolist() == [10, 2, 0, 1]
    assert moved.log_scales[0] == pytest.approx(math.log(2))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_colours_turn_with_the_scene(splats: Splats, degree: int) -> None:
    cut = Splats(*(getattr(splats, f) for f in FIELDS), splats.sh[:, : (degree + 1) ** 2])
    motion = MOTIONS["all"]
    directions = np.random.default_rng(1).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    before = np.einsum("mk,nkc->nmc", sh_basis(directions, degree), cut.sh)
    turned = directions @ euler_to_matrix(motion.rotate).T
    after = np.einsum("mk,nkc->nmc", sh_basis(turned, degree), motion.move(cut).sh)
    np.testing.assert_allclose(after, before, atol=3e-6)


def test_a_scene_that_stays_where_it_is_comes_out_bit_by_bit(
    splats: Splats, tmp_path: Path
) -> None:
    write_ply(tmp_path / "a.ply", splats)
    flexgs.transform(tmp_path / "a.ply", Motion(), tmp_path / "b.ply")
    assert (tmp_path / "b.ply").read_bytes() == (tmp_path / "a.ply").read_bytes()


def test_cameras_come_along(splats: Splats, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_ply(tmp_path / "a.ply", splats)
    write_inria(tmp_path / "cameras.json", [camera()])
    motion = MOTIONS["all"]
    words = {"cameras": tmp_path / "cameras.json"}
    done = flexgs.transform(tmp_path / "a.ply", motion, tmp_path / "out" / "b.ply", **words)
    assert "1 cameras moved along into cameras.json" in done.notes
    (found,), _ = read_cameras(tmp_path / "out" / "cameras.json")
    (wanted,) = motion.move_cameras([camera()])
    np.testing.assert_allclose(found.world_to_camera, wanted.world_to_camera, atol=1e-12)
    assert (found.name, found.width, found.fx, found.cy) == ("a", 96, 105.0, 39.0)
    with pytest.raises(UsageError, match="the output is the input"):  # before any work
        flexgs.transform(tmp_path / "a.ply", motion, tmp_path / "c.ply", **words, force=True)
    assert not (tmp_path / "c.ply").exists()
    with pytest.raises(UsageError, match="--force"):
        flexgs.transform(tmp_path / "a.ply", motion, tmp_path / "out" / "c.ply", **words)
    with pytest.raises(UsageError, match="beside the scene"):
        flexgs.transform(tmp_path / "a.ply", motion, **words)


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": 0.0},
        {"scale": -1.0},
        {"scale": math.nan},
        {"rotate": (0.0, math.inf, 0.0)},
        {"translate": (0.0, 1.0)},
    ],
    ids=str,
)
def test_a_motion_that_cannot_be_meant_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Motion(**changes)  # type: ignore[arg-type]


def test_a_scene_moved_out_of_range_is_refused(splats: Splats, tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="means of Gaussian 0"):
        flexgs.transform(splats, Motion(translate=(1e9, 0.0, 0.0)), tmp_path / "a.ply")
    assert not list(tmp_path.iterdir())

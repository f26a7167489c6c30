# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.rotations import euler_to_matrix, quats_to_matrices
from flexgs.core.sh import sh_basis
from flexgs.core.transforms import mirror_axes, place, place_camera, sh_rotation
from flexgs.core.views import Camera, look_at

SIGNS = [(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)]


def scene(degree: int = 3, n: int = 40) -> Splats:
    rng = np.random.default_rng(degree)
    return Splats(
        rng.normal(size=(n, 3)),
        rng.uniform(-4, 0, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(size=n),
        rng.normal(size=(n, (degree + 1) ** 2, 3)),
    )


def covariances(splats: Splats) -> np.ndarray:  # (n, 3, 3)
    turned = quats_to_matrices(splats.quats.astype(np.float64)) * np.exp(splats.log_scales)[:, None]
    return turned @ turned.transpose(0, 2, 1)


def colours(splats: Splats, directions: np.ndarray) -> np.ndarray:  # (m, 3) -> (n, m, 3)
    return np.einsum("mk,nkc->nmc", sh_basis(directions, splats.degree), splats.sh)


def random_rotation(seed: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def check(before: Splats, after: Splats, m: np.ndarray, scale: float, shift: np.ndarray) -> None:
    directions = np.random.default_rng(9).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(after.means, scale * before.means @ m.T + shift, atol=1e-5)
    wanted = scale**2 * m @ covariances(before) @ m.T
    np.testing.assert_allclose(covariances(after), wanted, atol=2e-5 * scale**2)
    np.testing.assert_allclose(
        colours(after, directions @ m.T), colours(before, directions), atol=2e-5
    )
    assert np.array_equal(after.opacity_logits, before.opacity_logits)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("signs", SIGNS)
def test_mirrored_axes_turn_everything(degree: int, signs: tuple[int, int, int]) -> None:
    before = scene(degree)
    after = mirror_axes(before, signs)
    check(before, after, np.diag(signs), 1, np.zeros(3))
    again = mirror_axes(after, signs)
    for name in ("means", "quats", "sh"):
        assert np.array_equal(getattr(again, name), getattr(before, name)), name


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_scene_is_placed_with_its_sizes_rotations_and_colours(
    degree: int, mirrored: bool
) -> None:
    before, shift = scene(degree), np.array([1.0, -2.0, 3.0])
    for seed in range(5):
        r = random_rotation(seed)
        if mirrored:
            r = r @ np.diag([1, -1, 1])
        check(before, place(before, r, 0.5, shift), r, 0.5, shift)


@pytest.mark.parametrize("half_turn", [(1, -1, -1), (-1, 1, -1), (-1, -1, 1)])
def test_half_turns_are_rotations_too(half_turn: tuple[int, int, int]) -> None:
    before = scene()
    check(before, place(before, np.diag(half_turn)), np.diag(half_turn), 1, np.zeros(3))


def test_sh_rotations_follow_each_other() -> None:
    a, b = random_rotation(1), random_rotation(2)
    np.testing.assert_allclose(
        sh_rotation(a @ b, 3), sh_rotation(a, 3) @ sh_rotation(b, 3), atol=1e-12
    )
    np.testing.assert_allclose(sh_rotation(a, 3)[:9, :9], sh_rotation(a, 2), atol=1e-12)


def test_inputs_stay_as_they_are() -> None:
    before = scene()
    kept = before.sh.copy(), before.quats.copy()
    place(before, random_rotation(3), 2.0)
    mirror_axes(before, (-1, 1, 1))
    assert np.array_equal(before.sh, kept[0])
    assert np.array_equal(before.quats, kept[1])


def test_turns_follow_x_then_y_then_z_and_are_right_handed() -> None:
    x, y, z = np.eye(3)
    for degrees, before, after in (
        ((90, 0, 0), y, z),
        ((0, 90, 0), z, x),
        ((0, 0, 90), x, y),
        ((90, 0, 90), y, z),  # about x: y to z; about z: z stays
        ((90, 90, 0), y, x),  # about x: y to z; about y: z to x
    ):
        assert np.array_equal(euler_to_matrix(degrees) @ before, after), degrees
    third = euler_to_matrix((10, 0, 0)) @ euler_to_matrix((20, 0, 0))
    np.testing.assert_allclose(third, euler_to_matrix((30, 0, 0)), atol=1e-15)
    r = euler_to_matrix((12, -34, 256))
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(r) == pytest.approx(1)
    parts = [euler_to_matrix(turn) for turn in ((0, 0, 256), (0, -34, 0), (12, 0, 0))]
    np.testing.assert_allclose(r, parts[0] @ parts[1] @ parts[2], atol=1e-15)


@pytest.mark.parametrize("degrees", [(180, 0, 0), (0, -180, 0), (0, 540, 0), (0, 0, 180)])
def test_half_turns_lose_nothing(degrees: tuple[float, float, float]) -> None:
    before = scene()
    r = euler_to_matrix(degrees)
    again = place(place(before, r), r)
    assert np.array_equal(again.means, before.means)
    assert np.array_equal(again.sh, before.sh)
    assert np.array_equal(np.abs(again.quats), np.abs(before.quats))


def test_a_camera_sees_of_a_placed_scene_what_it_saw_before() -> None:
    pose = look_at([1.0, -2.0, -3.0], [0.2, 0.1, 0.3], [0.0, -1.0, 0.0])
    camera = Camera("a", 64, 48, 70.0, 71.0, 31.5, 24.25, pose)
    points = np.random.default_rng(2).normal(size=(20, 3))
    r, scale, shift = random_rotation(4), 2.5, np.array([3.0, -1.0, 0.5])
    moved = place_camera(camera, r, scale, shift)
    before = points @ pose[:3, :3].T + pose[:3, 3]
    placed = scale * points @ r.T + shift
    after = placed @ moved.world_to_camera[:3, :3].T + moved.world_to_camera[:3, 3]
    np.testing.assert_allclose(after, scale * before, atol=1e-12)
    np.testing.assert_allclose(moved.center, scale * r @ camera.center + shift, atol=1e-12)
    assert (moved.fx, moved.cx, moved.name) == (camera.fx, camera.cx, camera.name)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.activations import logit, sigmoid
from flexgs.core.morton import MORTON_BITS, morton_codes
from flexgs.core.rotations import normalize_quats, quats_to_matrices
from flexgs.core.sh import sh_basis
from flexgs.errors import SceneError

SHAPES = {"means": (5, 3), "log_scales": (5, 3), "quats": (5, 4), "sh": (5, 4, 3)}


def parts() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {**{k: rng.normal(size=s) for k, s in SHAPES.items()}, "opacity_logits": np.zeros(5)}


def test_arrays_are_read_only_and_the_callers_stay_writable() -> None:
    given = {k: v.astype(np.float32) for k, v in parts().items()}
    splats = Splats(**given)
    with pytest.raises(ValueError, match="read-only"):
        splats.means[0, 0] = 1
    given["means"][0, 0] = 7
    assert splats.n == 5
    assert splats.degree == 1
    assert splats.d == 3


@pytest.mark.parametrize("field", [*SHAPES, "opacity_logits"])
def test_shapes_that_disagree_are_refused(field: str) -> None:
    given = parts()
    given[field] = given[field][:4] if field != "means" else given[field][:, :1]
    with pytest.raises(SceneError):
        Splats(**given)


def test_select_takes_masks_numbers_and_slices() -> None:
    splats = Splats(**parts())
    mask = np.array([True, False, True, False, False])
    for index in (mask, np.array([0, 2]), slice(0, 3, 2)):
        np.testing.assert_array_equal(splats.select(index).sh, splats.sh[[0, 2]])


def test_no_gaussians_are_a_scene() -> None:
    empty = Splats(**{k: v[:0] for k, v in parts().items()})
    assert empty.n == 0
    assert empty.degree == 1


def test_morton_codes_interleave_every_bit() -> None:
    rng = np.random.default_rng(1)
    cells = rng.integers(0, 1 << MORTON_BITS, size=(50, 3))
    for cell, code in zip(cells, morton_codes(cells), strict=True):
        wanted = sum(
            ((int(cell[a]) >> b) & 1) << (3 * b + a) for a in range(3) for b in range(MORTON_BITS)
        )
        assert int(code) == wanted


def test_sigmoid_and_logit_are_inverse() -> None:
    x = np.linspace(-14, 14, 57)
    np.testing.assert_allclose(logit(sigmoid(x)), x, atol=1e-9)
    assert sigmoid(np.float32([-1e4, 1e4])).tolist() == [0, 1]


def test_quaternions_are_rotations() -> None:
    quats = np.random.default_rng(2).normal(size=(20, 4))
    matrices = quats_to_matrices(quats)
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (20, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    np.testing.assert_allclose(quats_to_matrices(normalize_quats(quats)), matrices, atol=1e-12)
    turn = quats_to_matrices(np.array([[np.sqrt(0.5), 0, 0, np.sqrt(0.5)]]))[0]  # 90 deg about z
    np.testing.assert_allclose(turn @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_the_sh_basis_is_orthonormal_on_the_sphere() -> None:
    z, weights = np.polynomial.legendre.leggauss(16)
    phi = np.arange(32) * 2 * np.pi / 32
    directions = np.stack(
        [
            np.outer(np.sqrt(1 - z * z), np.cos(phi)).ravel(),
            np.outer(np.sqrt(1 - z * z), np.sin(phi)).ravel(),
            np.repeat(z, 32),
        ],
        axis=1,
    )
    basis = sh_basis(directions, 3)
    gram = np.einsum("n,nk,nl->kl", np.repeat(weights, 32) * 2 * np.pi / 32, basis, basis)
    np.testing.assert_allclose(gram, np.eye(16), atol=1e-12)


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1.0, 1e25, 1e38])
def test_rotations_do_not_depend_on_the_length_of_quats(size: float) -> None:
    unit = np.array([[0.5, -0.5, 0.5, 0.5], [0.6, 0.0, 0.8, 0.0]], np.float32)
    quats = np.vstack([unit * np.float32(size), unit])  # extreme ones do not disturb the others
    found = normalize_quats(quats)
    np.testing.assert_allclose(found, np.vstack([unit, unit]), rtol=2e-7)
    np.testing.assert_allclose(quats_to_matrices(quats)[:2], quats_to_matrices(unit), atol=1e-6)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.io import read_ply, write_ply
from flexgs.io.validate import validate_splats

Make = Callable[..., Splats]


def spoil(splats: Splats, field: str, row: int, value: float) -> Splats:
    values = getattr(splats, field).copy()
    values.reshape(len(values), -1)[row, -1] = value
    return replace(splats, **{field: values})


BROKEN = [
    ("means", np.nan),
    ("means", np.inf),
    ("means", -2e7),
    ("log_scales", np.nan),
    ("log_scales", np.inf),
    ("log_scales", 21),
    ("log_scales", -41),
    ("quats", np.nan),
    ("quats", np.inf),
    ("opacity_logits", np.nan),
    ("sh", np.nan),
    ("sh", -1001),
]


@pytest.mark.parametrize(("field", "value"), BROKEN)
def test_an_unusable_number_is_named_with_field_and_first_row(
    tmp_path: Path, random_splats: Make, field: str, value: float
) -> None:
    splats = spoil(spoil(random_splats(9), field, 4, value), field, 7, value)
    write_ply(tmp_path / "a.ply", splats)
    with pytest.raises(SceneError, match=f"{field} of Gaussian 4 .* 2 rows") as caught:
        read_ply(tmp_path / "a.ply")
    assert caught.value.section == field
    assert "--drop-invalid" in str(caught.value)


@pytest.mark.parametrize(("field", "value"), BROKEN)
def test_unusable_gaussians_are_dropped_when_asked(
    tmp_path: Path, random_splats: Make, field: str, value: float
) -> None:
    splats = random_splats(9)
    write_ply(tmp_path / "a.ply", spoil(splats, field, 4, value))
    scene = read_ply(tmp_path / "a.ply", drop_invalid=True)
    np.testing.assert_array_equal(scene.splats.means, np.delete(splats.means, 4, axis=0))
    assert scene.notes == ("1 invalid Gaussians dropped",)


def test_a_quaternion_without_length_is_refused(random_splats: Make) -> None:
    quats = random_splats(5).quats.copy()
    quats[3] = 0
    splats = replace(random_splats(5), quats=quats)
    with pytest.raises(SceneError, match="quats of Gaussian 3"):
        validate_splats(splats, "a.ply")
    kept, notes = validate_splats(splats, "a.ply", drop_invalid=True)
    assert kept.n == 4
    assert len(notes) == 1


def test_infinite_logits_and_thin_scales_are_clamped_and_counted(random_splats: Make) -> None:
    logits = random_splats(6).opacity_logits.copy()
    logits[:4] = [np.inf, -np.inf, 15.5, 15.0]
    splats = spoil(replace(random_splats(6), opacity_logits=logits), "log_scales", 2, -np.inf)
    kept, notes = validate_splats(splats, "a.ply")
    assert kept.opacity_logits[:4].tolist() == [15, -15, 15, 15]
    assert kept.log_scales[2, 2] == -40
    assert notes == ("3 opacity logits clamped to +-15", "1 log scales of -inf set to -40")


def test_a_valid_scene_passes_untouched(random_splats: Make) -> None:
    splats = random_splats(50)
    kept, notes = validate_splats(splats, "a.ply")
    assert kept is splats
    assert notes == ()


def test_a_scene_without_a_valid_gaussian_is_an_error(random_splats: Make) -> None:
    splats = spoil(random_splats(1), "means", 0, np.nan)
    with pytest.raises(SceneError, match="no Gaussian"):
        validate_splats(splats, "a.ply", drop_invalid=True)


def test_activated_opacities_are_recognised(random_splats: Make) -> None:
    alphas = np.linspace(0, 1, 9, dtype=np.float32)
    with pytest.raises(SceneError, match="opacities look already activated"):
        validate_splats(replace(random_splats(9), opacity_logits=alphas), "a.ply")


def test_activated_scales_are_recognised(random_splats: Make) -> None:
    scene = random_splats(9)
    with pytest.raises(SceneError, match="scales look already activated"):
        validate_splats(replace(scene, log_scales=np.exp(scene.log_scales)), "a.ply")
    flat = replace(scene, log_scales=np.exp(scene.log_scales), model="2dgs")
    flat = spoil(spoil(flat, "log_scales", 0, -20), "log_scales", 1, -20)
    with pytest.raises(SceneError, match="scales look already activated"):
        validate_splats(flat, "a.ply")


def test_one_gaussian_or_constant_values_prove_nothing(random_splats: Make) -> None:
    one = replace(random_splats(1), opacity_logits=np.array([0.5]), log_scales=np.ones((1, 3)))
    same = replace(random_splats(9), opacity_logits=np.zeros(9), log_scales=np.ones((9, 3)))
    for splats in (one, same):
        assert validate_splats(splats, "a.ply")[0] is splats

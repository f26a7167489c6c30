# SPDX-License-Identifier: Apache-2.0
"""The demo scene, in small: the fit works, the files are found, the bytes repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flexgs.core import split_views
from flexgs.demo import DemoOptions, DemoScene, make_demo_scene
from flexgs.demo.fit import RATES, fit, start_from_points
from flexgs.demo.make import HELD_OUT
from flexgs.demo.views import orbit_cameras, surface_points
from flexgs.demo.world import photograph
from flexgs.errors import FlexgsError
from flexgs.io import load_cameras, read_image, read_ply
from flexgs.render import get_renderer
from flexgs.render.metrics import mse

TINY = DemoOptions(gaussians=400, views=16, width=40, height=30, steps=60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DemoScene:
    return make_demo_scene(tmp_path_factory.mktemp("demo") / "new", options=TINY)


def test_fitting_reduces_the_error_and_uses_every_parameter() -> None:
    cameras = orbit_cameras(6, 40, 30)
    photos = [photograph(camera) for camera in cameras]
    rng = np.random.default_rng(0)
    start = start_from_points(*surface_points(cameras, 300, 0.002, rng), degree=3)
    renderer = get_renderer("cpu")
    fitted = fit(start, cameras, photos, renderer, rng, steps=60)

    def error(splats: object) -> float:
        pairs = zip(cameras, photos, strict=True)
        return float(np.mean([mse(renderer.render(splats, c), p) for c, p in pairs]))

    assert error(fitted) < 0.5 * error(start)
    for name in ("means", "log_scales", "quats", "opacity_logits"):
        assert (getattr(fitted, name) != getattr(start, name)).mean() > 0.5
    assert [bool(fitted.sh[:, rows].any()) for rows in (slice(1, 4), slice(9, 16))] == [True, True]
    assert set(RATES) >= {"means", "sh0", "sh3"}


def test_the_files_are_inrias_layout_and_found_by_themselves(made: DemoScene) -> None:
    splats = read_ply(made.scene).splats
    assert (splats.n, splats.degree, made.gaussians) == (400, 3, 400)
    assert made.scene.parts[-3:] == ("point_cloud", "iteration_60", "point_cloud.ply")
    found = load_cameras(None, None, made.scene).cameras
    originals = orbit_cameras(TINY.views, TINY.width, TINY.height)
    for camera, original in zip(found, originals, strict=True):
        assert camera.name == original.name
        np.testing.assert_allclose(camera.world_to_camera, original.world_to_camera, atol=1e-9)
        assert camera.image_path is not None
        photo = read_image(camera.image_path)
        assert np.abs(photo - photograph(original)).max() <= 0.501 / 255


def test_the_views_held_out_are_those_of_the_report(made: DemoScene) -> None:
    split = split_views(load_cameras(None, None, made.scene).cameras)
    names = [camera.name for camera in orbit_cameras(TINY.views, 8, 8)][::HELD_OUT]
    assert [camera.name for camera in split.report] == names
    assert made.psnr_fitted > 17
    assert 15 < made.psnr_held_out <= made.psnr_fitted + 1


def test_the_same_seed_gives_the_same_bytes(made: DemoScene, tmp_path: Path) -> None:
    again = make_demo_scene(tmp_path, options=TINY, threads=1)
    assert again.scene.read_bytes() == made.scene.read_bytes()
    other = make_demo_scene(tmp_path, options=TINY, seed=1)
    assert other.scene.read_bytes() != made.scene.read_bytes()


def test_an_output_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FlexgsError, match="cannot make folders"):
        make_demo_scene(tmp_path / "file", options=DemoOptions(5, 2, 8, 6, 1))

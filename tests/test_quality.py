# SPDX-License-Identifier: Apache-2.0
"""The drop and where it comes from, with a renderer that paints one colour."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from flexgs.core import Camera, Splats
from flexgs.errors import FormatError, SceneError
from flexgs.io import write_png
from flexgs.quality import drop_from_psnr, measure_quality, psnr_from_drop

F32 = npt.NDArray[np.float32]
PHOTO_LEVEL = 100 / 255  # exact in 8 bits


class FlatRenderer:
    """Paints the first Gaussian's DC value; remembers how often it was asked."""

    name = "flat"

    def __init__(self) -> None:
        self.calls = 0

    def render(self, splats: Splats, camera: Camera) -> F32:
        self.calls += 1
        return np.full((camera.height, camera.width, 3), splats.sh[0, 0], np.float32)


def scene(level: float) -> Splats:
    colour = np.full((1, 1, 3), level)
    return Splats(np.zeros((1, 3)), np.zeros((1, 3)), np.ones((1, 4)), np.zeros(1), colour)


def cameras(folder: Path | None = None, count: int = 3) -> list[Camera]:
    views = [Camera(f"v{i}", 6, 4, 5.0, 5.0, 3.0, 2.0, np.eye(4)) for i in range(count)]
    if folder is None:
        return views
    for view in views:
        write_png(folder / f"{view.name}.png", np.full((4, 6, 3), PHOTO_LEVEL))
    return [replace(view, image_path=folder / f"{view.name}.png") for view in views]


def measured(before: float, after: float, views: list[Camera], photographs: bool, **more):  # type: ignore[no-untyped-def]
    renderer = FlatRenderer()
    return measure_quality(
        scene(before), scene(after), views, renderer, photographs=photographs, **more
    )


def test_with_photographs_the_drop_is_the_mean_difference_of_psnr(tmp_path: Path) -> None:
    found = measured(PHOTO_LEVEL + 0.02, PHOTO_LEVEL + 0.04, cameras(tmp_path), True)
    assert found.drop_source == "measured on photographs"
    assert found.drop_db == pytest.approx(20 * math.log10(2), abs=1e-3)
    assert found.psnr_original_photo == pytest.approx(-20 * math.log10(0.02), abs=1e-3)
    assert found.ssim_compressed_photo is not None
    assert found.ssim_renders is not None
    assert len(found.views) == 3


def test_without_photographs_the_drop_is_estimated_and_says_so() -> None:
    found = measured(0.5, 0.52, cameras(), False, reference_psnr=30.0)
    assert found.drop_source == "estimated from renders"
    expected = 10 * math.log10(1 + 0.02**2 / 1e-3)
    assert found.drop_db == pytest.approx(expected, abs=1e-4)
    assert found.drop_db == found.estimated_drop_db
    assert found.psnr_original_photo is None
    assert found.views[0].ssim_original_photo is None


@pytest.mark.parametrize(("drop", "above"), [(1.0, 5.87), (0.3, 11.46), (0.1, 16.33)])
def test_the_published_pairs_of_drop_and_psnr(drop: float, above: float) -> None:
    assert psnr_from_drop(drop) == pytest.approx(27.2 + above, abs=0.006)
    assert drop_from_psnr(psnr_from_drop(drop)) == pytest.approx(drop, abs=1e-9)


def test_equal_scenes_lose_nothing(tmp_path: Path) -> None:
    for found in (
        measured(0.5, 0.5, cameras(), False),
        measured(PHOTO_LEVEL, PHOTO_LEVEL, cameras(tmp_path), True),
    ):
        assert found.drop_db == 0.0
        assert found.psnr_renders == math.inf


def test_a_better_scene_has_a_negative_drop(tmp_path: Path) -> None:
    assert measured(PHOTO_LEVEL + 0.04, PHOTO_LEVEL + 0.02, cameras(tmp_path), True).drop_db < -5


def test_original_renders_are_made_once() -> None:
    renderer, cache = FlatRenderer(), dict[str, F32]()
    for _ in range(2):
        measure_quality(
            scene(0.5),
            scene(0.4),
            cameras(),
            renderer,
            photographs=False,
            with_ssim=False,
            original_images=cache,
        )
    assert renderer.calls == 3 + 3 + 3
    assert sorted(cache) == ["v0", "v1", "v2"]


def test_views_are_ordered_from_the_worst() -> None:
    found = measured(0.5, 0.52, cameras(), False)
    views = [replace(v, drop_db=d) for v, d in zip(found.views, (0.1, 3.0, 0.2), strict=True)]
    names = [v.name for v in replace(found, views=tuple(views)).by_drop()]
    assert names == ["v1", "v2", "v0"]


def test_no_views_no_photograph_or_a_wrong_size_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="without a view"):
        measured(0.5, 0.5, [], False)
    with pytest.raises(SceneError, match="no photograph"):
        measured(0.5, 0.5, cameras(), True)
    wrong = [replace(view, width=7) for view in cameras(tmp_path)]
    with pytest.raises(SceneError, match="wrong size"):
        measured(0.5, 0.5, wrong, True)
    (tmp_path / "v0.png").write_bytes(b"no image")
    with pytest.raises(FormatError):
        measured(0.5, 0.5, [replace(wrong[0], width=6)], True)


def test_views_of_limited_size_are_compared_with_photographs_scaled_down(tmp_path: Path) -> None:
    large = tuple(
        replace(view.limited(3), image_path=view.image_path) for view in cameras(tmp_path)
    )
    assert {max(view.width, view.height) for view in large} == {3}
    small, plain = measured(0.5, 0.52, large, True), measured(0.5, 0.52, cameras(tmp_path), True)
    assert small.drop_db == pytest.approx(plain.drop_db, abs=0.5)


def test_a_render_that_is_not_a_number_is_an_error() -> None:
    with pytest.raises(SceneError, match="not numbers"):
        measured(0.5, math.nan, cameras(), False)

# SPDX-License-Identifier: Apache-2.0
"""What an image's Gaussians must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexgs.errors import SceneError
from flexgs.image import ImageSplats


def example(n: int = 4) -> ImageSplats:
    rng = np.random.default_rng(0)
    return ImageSplats(
        rng.uniform(0, 16, (n, 2)),
        rng.uniform(1, 2, (n, 3)),
        rng.normal(size=(n, 3)),
        rng.uniform(0.1, 1, n),
        width=16,
        height=12,
    )


def test_arrays_are_read_only_float32() -> None:
    splats = example()
    for array in (splats.means, splats.cholesky, splats.colors, splats.opacities):
        assert array is not None
        assert array.dtype == np.float32
        assert not array.flags.writeable


def test_select_keeps_order_and_opacities() -> None:
    splats = example()
    chosen = splats.select(np.array([2, 0]))
    assert chosen.n == 2
    np.testing.assert_array_equal(chosen.colors, splats.colors[[2, 0]])
    assert chosen.opacities is not None
    assert splats.opacities is not None
    np.testing.assert_array_equal(chosen.opacities, splats.opacities[[2, 0]])


@pytest.mark.parametrize(
    "change",
    [
        {"means": np.zeros((4, 3))},
        {"means": np.zeros((3, 2))},
        {"cholesky": np.ones((4, 2))},
        {"cholesky": np.array([[1, 0, 1], [1, 0, 1], [1, 0, 1], [1, 0, 0]])},
        {"cholesky": np.array([[1, 0, 1], [1, 0, 1], [1, 0, 1], [-1, 0, 1]])},
        {"cholesky": np.full((4, 3), 1e7)},
        {"means": np.full((4, 2), -1e7)},
        {"colors": np.full((4, 3), 1e5)},
        {"colors": np.zeros((4, 2))},
        {"colors": np.full((4, 3), np.nan)},
        {"opacities": np.zeros(4)},
        {"opacities": np.full(4, 1.5)},
        {"opacities": np.ones((4, 1))},
        {"width": 0},
        {"height": 70_000},
        {"width": 60_000, "height": 60_000},
    ],
)
def test_what_is_no_image_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SceneError):
        replace(example(), **change)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.joining import join_splats
from flexgs.core.splats import Model
from flexgs.errors import SceneError

FIELDS = ("means", "log_scales", "quats", "opacity_logits")


def scene(n: int, degree: int, model: Model = "3dgs", d: int = 3) -> Splats:
    rng = np.random.default_rng(n)
    return Splats(
        rng.normal(size=(n, d)),
        rng.normal(size=(n, d)),
        rng.normal(size=(n, 4)),
        rng.normal(size=n),
        rng.normal(size=(n, (degree + 1) ** 2, 3)),
        model,
    )


def test_parts_keep_their_values_and_order_and_low_degrees_get_zeros() -> None:
    parts = [scene(3, 0), scene(4, 2), scene(2, 1)]
    whole = join_splats(parts)
    assert (whole.n, whole.degree, whole.model) == (9, 2, "3dgs")
    start = 0
    for part in parts:
        own = whole.select(slice(start, start + part.n))
        for name in FIELDS:
            assert np.array_equal(getattr(own, name), getattr(part, name))
        k = part.sh.shape[1]
        assert np.array_equal(own.sh[:, :k], part.sh)
        assert not own.sh[:, k:].any()
        start += part.n


def test_models_must_agree_or_be_named() -> None:
    parts = [scene(3, 0, "mip"), scene(2, 0)]
    with pytest.raises(SceneError, match="3dgs and mip"):
        join_splats(parts)
    assert join_splats(parts, "3dgs").model == "3dgs"
    assert join_splats([scene(3, 0, "mip")]).model == "mip"
    assert join_splats([scene(3, 0, "mip")], "3dgs").model == "3dgs"


@pytest.mark.parametrize("parts", [[], [scene(2, 0), scene(2, 0, d=2)]], ids=["none", "2-D"])
def test_what_is_no_scene_is_refused(parts: list[Splats]) -> None:
    with pytest.raises(SceneError, match="no parts of one scene"):
        join_splats(parts)


def test_parts_without_gaussians_are_legal() -> None:
    empty = scene(3, 2).select(slice(0, 0))
    whole = join_splats([empty, scene(2, 0)])
    assert (whole.n, whole.degree) == (2, 2)

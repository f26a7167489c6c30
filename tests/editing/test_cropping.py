# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flexgs
from flexgs.core import Splats
from flexgs.errors import UsageError
from flexgs.io import read_ply, write_ply

BOX = (-0.5, -1.0, -0.7, 0.6, 0.9, 1.0)


def passes(splats: Splats, i: int, region: flexgs.Region) -> bool:
    """One Gaussian at a time, in plain Python."""
    mean = [float(x) for x in splats.means[i]]
    tests = []
    if region.box is not None:
        low, high = region.box[:3], region.box[3:]
        tests.append(all(a <= x <= b for a, x, b in zip(low, mean, high, strict=True)))
    if region.sphere is not None:
        tests.append(math.dist(mean, region.sphere[:3]) <= region.sphere[3])
    if region.min_opacity is not None:
        tests.append(1 / (1 + math.exp(-splats.opacity_logits[i])) >= region.min_opacity)
    if region.max_scale is not None:
        tests.append(math.exp(max(splats.log_scales[i])) <= region.max_scale)
    return all(tests) != region.invert


@pytest.mark.parametrize(
    "tests",
    [
        {"box": BOX},
        {"sphere": (0.1, 0.2, -0.3, 0.9)},
        {"min_opacity": 0.5},
        {"max_scale": 0.2},
        {"box": BOX, "sphere": (0.1, 0.2, -0.3, 0.9), "min_opacity": 0.3, "max_scale": 0.25},
    ],
    ids=["box", "sphere", "opacity", "scale", "all"],
)
@pytest.mark.parametrize("invert", [False, True])
def test_what_passes_stays_and_the_rest_is_the_inverse(
    splats: Splats, tests: dict[str, Any], invert: bool
) -> None:
    region = flexgs.Region(**tests, invert=invert)
    wanted = [i for i in range(splats.n) if passes(splats, i, region)]
    assert 0 < len(wanted) < splats.n
    kept = flexgs.crop(splats, region).splats
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
        assert np.array_equal(getattr(kept, name), getattr(splats, name)[wanted])


def test_a_file_is_cropped_into_another_format(splats: Splats, tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", splats)
    done = flexgs.crop(tmp_path / "a.ply", flexgs.Region(box=BOX), tmp_path / "b.spz")
    assert flexgs.read_scene(tmp_path / "b.spz").n == done.splats.n < splats.n
    assert done.sources[0].gaussians == splats.n
    done = flexgs.crop(tmp_path / "a.ply", flexgs.Region(box=BOX), tmp_path / "b.ply")
    assert np.array_equal(read_ply(tmp_path / "b.ply").splats.means, done.splats.means)


def test_an_empty_crop_is_refused(splats: Splats, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing would be left"):
        flexgs.crop(splats, flexgs.Region(sphere=(99, 0, 0, 1)), tmp_path / "a.ply")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "tests",
    [
        {},
        {"invert": True},
        {"box": (0, 0, 0, -1, 1, 1)},
        {"box": (0, 0, 0, 1, 1)},
        {"box": (0, 0, 0, 1, 1, math.nan)},
        {"sphere": (0, 0, 0, 0)},
        {"sphere": (0, 0, 0, math.inf)},
        {"min_opacity": math.nan},
    ],
    ids=str,
)
def test_a_region_that_cannot_be_meant_is_refused(tests: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        flexgs.Region(**tests)

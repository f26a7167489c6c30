# SPDX-License-Identifier: Apache-2.0
"""Which profile is taken, and which options contradict each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import flexgs
from flexgs.errors import UsageError
from flexgs.options import CompressOptions
from flexgs.pipeline.profiles import RD_ONLY, SEGMENT_ONLY, choose_profile
from flexgs.pipeline.rd.effort import EFFORTS, LEAST_VIEWS, choose_effort
from flexgs.pipeline.rd.polish import PARTS
from tests.pipeline.conftest import make_splats

SEGMENT: dict[str, Any] = {
    "sh_rate": 0.5,
    "segments": 10,
    "bits": {"sh": 3},
    "codec": "zlib",
    "level": 1,
    "score": "coverage",
}
RD: dict[str, Any] = {"effort": 2, "repair": 0, "refine_s": 1.0}


def test_every_option_of_a_profile_is_tried_here() -> None:
    assert set(SEGMENT) == set(SEGMENT_ONLY)
    assert set(RD) == set(RD_ONLY)


def test_the_small_profile_is_the_default() -> None:
    splats = make_splats(5)
    assert choose_profile(CompressOptions(), splats) == "rd"
    assert choose_profile(CompressOptions(), None) == "rd"
    assert choose_profile(CompressOptions(pruning_rate=0.5), splats) == "rd"
    assert choose_profile(CompressOptions(), replace(splats, model="mip")) == "rd"


@pytest.mark.parametrize("name", SEGMENT)
def test_an_option_of_segment_means_segment(name: str) -> None:
    given = {name: SEGMENT[name]}
    assert choose_profile(CompressOptions(**given), None) == "segment"
    with pytest.raises(UsageError, match="belongs to the segment profile"):
        choose_profile(CompressOptions(profile="rd", **given), None)


@pytest.mark.parametrize("name", RD)
def test_an_option_of_rd_means_rd(name: str) -> None:
    given = {name: RD[name]}
    assert choose_profile(CompressOptions(**given), None) == "rd"
    for other in ({"profile": "segment"}, {"bits": {"sh": 3}}, {"sh_rate": 0.5}):
        with pytest.raises(UsageError, match=f"--{name.removesuffix('_s')} belongs to the rd"):
            choose_profile(CompressOptions(**given, **other), None)


def test_flat_gaussians_go_to_segment_unless_rd_is_asked_for() -> None:
    flat = replace(make_splats(5), model="2dgs")
    assert choose_profile(CompressOptions(), flat) == "segment"
    assert choose_profile(CompressOptions(profile="segment"), flat) == "segment"
    with pytest.raises(UsageError, match="flat Gaussians"):
        choose_profile(CompressOptions(profile="rd"), flat)
    with pytest.raises(UsageError, match="flat Gaussians"):
        choose_profile(CompressOptions(effort=1), flat)


def test_contradictions_are_found_before_any_work(tmp_path: Path) -> None:
    for options in ({"profile": "best"}, {"effort": 2, "segments": 10}):
        with pytest.raises(UsageError):
            flexgs.compress(tmp_path / "none.ply", options=CompressOptions(**options))


@pytest.mark.parametrize(
    "given", [{"effort": 0}, {"effort": 10}, {"repair": -1}, {"refine_s": -1.0}]
)
def test_levels_have_bounds(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="out of range"):
        CompressOptions(**given)


def test_every_level_has_work_and_none_has_less_than_the_one_before() -> None:
    assert sorted(EFFORTS) == list(range(1, 10))
    work = [e.schedule.passes + e.colour_passes + e.polish / PARTS for e in EFFORTS.values()]
    assert work == sorted(work)


def test_repair_can_be_left_out_or_asked_for_at_every_level() -> None:
    for level in EFFORTS:
        assert choose_effort(level, None) == EFFORTS[level]
        none = choose_effort(level, 0)
        assert none.schedule.repair is False
        assert (none.schedule.settling, none.polish, none.colour_passes) == (0, 0, 0)
        assert choose_effort(level, 3).schedule.repair
        assert choose_effort(level, 3).schedule.settling == 3


def test_few_views_are_not_repaired_by_unless_asked() -> None:
    assert choose_effort(5, None, LEAST_VIEWS - 1) == choose_effort(5, 0)
    assert choose_effort(5, None, LEAST_VIEWS) == EFFORTS[5]
    assert choose_effort(5, 3, 1).schedule.repair

# SPDX-License-Identifier: Apache-2.0
"""The rd profile end to end: targets, efforts, odd scenes, and the same bytes every time."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flexgs
from flexgs.codec import decode_splats, describe, verify
from flexgs.core import Camera, Splats
from flexgs.errors import SceneError, SearchError
from flexgs.importance.colour_blocks import add_unseen_view
from flexgs.io import write_ply
from flexgs.options import CompressOptions
from flexgs.pipeline import CompressResult
from flexgs.pipeline.job import Job
from flexgs.pipeline.rd import refine, search
from flexgs.pipeline.rd.reduced import Reduced, split_monitor
from flexgs.report import Report
from flexgs.search import Target
from tests.pipeline.conftest import make_cameras, make_splats


def compress(model: Path | Splats, **given: Any) -> CompressResult:
    return flexgs.compress(model, options=CompressOptions(**{"report_views": 1, **given}))


def search_drop(report: Report) -> float:
    assert report.search_quality is not None
    return report.search_quality.drop_db


@pytest.mark.parametrize(("effort", "target"), [(1, 2.0), (3, 1.0)])
def test_a_drop_is_met_on_the_decoded_file(model: Path, effort: int, target: float) -> None:
    result = compress(model, target_psnr_drop=target, effort=effort)
    report = result.report
    assert (report.profile, describe(result.data).profile) == ("rd", "rd")
    assert report.target is not None
    assert report.target.reached
    assert 0.7 * target <= search_drop(report) <= target
    best = next(s for s in report.search if s.strength == report.plan["strength"])
    assert best.accepted
    assert best.drop_db == pytest.approx(search_drop(report), abs=1e-6)
    assert report.output.gaussians == verify(result.data).n < report.source.gaussians
    assert report.pruning_rate == pytest.approx(1 - report.output.gaussians / 1500)


def test_the_small_profile_is_smaller(model: Path) -> None:
    target = 1.0
    segment = compress(model, target_psnr_drop=target, profile="segment", max_evaluations=10)
    rd = compress(model, target_psnr_drop=target, effort=1)
    assert search_drop(segment.report) <= target
    assert search_drop(rd.report) <= target
    assert len(rd.data) < 0.9 * len(segment.data)


@pytest.mark.parametrize(
    ("given", "limit"), [({"target_size": 12_000}, 12_000), ({"target_ratio": 25}, 14_941)]
)
def test_a_size_is_met_and_used(model: Path, given: dict[str, Any], limit: int) -> None:
    result = compress(model, effort=1, **given)
    assert result.report.target is not None
    assert result.report.target.reached
    assert 0.9 * limit <= len(result.data) <= limit


def test_a_psnr_is_a_target_too(model: Path) -> None:
    report = compress(model, effort=1, target_psnr=24).report
    assert report.target is not None
    assert report.target.limit_drop_db is not None
    assert search_drop(report) <= report.target.limit_drop_db


@pytest.mark.parametrize("rate", [0.0, 0.6])
def test_the_share_to_remove_can_be_fixed(model: Path, rate: float) -> None:
    report = compress(model, pruning_rate=rate, target_psnr_drop=3, effort=1).report
    assert report.output.gaussians == round((1 - rate) * 1500)
    assert report.target is not None
    assert report.profile == "rd"


def test_repair_is_reported_and_can_be_left_out(model: Path) -> None:
    given = {"target_psnr_drop": 3, "effort": 3, "pruning_rate": 0.6}
    repaired, bare = compress(model, **given).report, compress(model, repair=0, **given).report
    assert repaired.repair is not None
    assert bare.repair is not None
    assert repaired.repair.repaired_drop_db < repaired.repair.unrepaired_drop_db - 0.1
    assert bare.repair.repaired_drop_db == pytest.approx(bare.repair.unrepaired_drop_db, abs=1e-4)
    counts = [entry.gaussians for entry in repaired.repair.rounds]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == repaired.output.gaussians == 600


def test_the_same_bytes_for_any_threads_and_every_run(model: Path) -> None:
    given = {"target_psnr_drop": 2, "effort": 3, "report_views": 0}
    files = [compress(model, threads=threads, **given).data for threads in (1, 2, 2)]
    assert files[0] == files[1] == files[2]


def test_the_file_says_where_it_is_from_but_not_when_or_from_where(model: Path) -> None:
    data = compress(model, target_psnr_drop=3, effort=1).data
    metadata = describe(data).metadata
    assert metadata["effort"] == 1
    assert metadata["original_gaussians"] == 1500
    assert metadata["drop_from"] == "photographs"
    assert 0 < metadata["drop_db"] <= 3
    assert str(model.parent).encode() not in data


def test_without_photographs_the_original_renders_are_the_aim(model: Path) -> None:
    result = compress(model, images="none", target_psnr_drop=1, effort=3)
    report = result.report
    assert report.report_quality is not None
    assert report.report_quality.is_estimate
    assert search_drop(report) <= 1
    assert describe(result.data).metadata["drop_from"] == "renders"


def test_without_cameras_some_are_invented(model: Path) -> None:
    scene = flexgs.read_scene(model).select(slice(0, 300))
    report = compress(scene, cameras="none", target_psnr_drop=3, effort=1, best_effort=True).report
    assert report.cameras == "invented from the Gaussians"
    assert report.output.gaussians <= 300


def few(model: Path, tmp_path: Path, count: int) -> Path:
    """cameras.json with the first views alone."""
    import json

    entries = json.loads((model.parent / "cameras.json").read_text())
    path = tmp_path / "few.json"
    path.write_text(json.dumps(entries[:count]))
    return path


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_views_meet_targets_and_are_said_to_be_few(
    model: Path, tmp_path: Path, count: int
) -> None:
    cameras = few(model, tmp_path, count)
    given = {"cameras": cameras, "images": "none", "target_psnr_drop": 2, "effort": 3}
    report = compress(flexgs.read_scene(model), **given).report
    assert search_drop(report) <= 2
    assert any("view" in warning for warning in report.warnings)


def test_no_gaussians_are_refused_and_one_is_kept(model: Path) -> None:
    splats = flexgs.read_scene(model)
    views = {"cameras": model.parent / "cameras.json", "images": "none"}
    with pytest.raises(SceneError, match="no Gaussians"):
        compress(splats.select(slice(0, 0)), **views)
    for n in (1, 2, 20):
        result = compress(splats.select(slice(0, n)), **views, effort=3, best_effort=True)
        assert 1 <= decode_splats(result.data).n <= n


class Clock:
    """Stands in for `time`: every look at it is a tenth of a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.1
        return self.now


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_refining_goes_on_for_as_long_as_it_is_told_and_never_harms(
    model: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    passes = []

    def watched(job: Job, reduced: Reduced, target: Target, seconds: float) -> Reduced:
        refined = refine.refine(job, reduced, target, seconds)
        passes.append(len(refined.log) - len(reduced.log) - 1)  # the last entry is the outcome
        assert refined.splats.n < reduced.splats.n
        return refined

    monkeypatch.setattr(refine, "time", Clock())
    monkeypatch.setattr(search, "refine", watched)
    report = compress(model, target_psnr_drop=3, effort=3, refine_s=seconds).report
    assert len(passes) == 1
    assert passes[0] == int(refine.REMOVING * seconds / 0.1)  # those that removed
    assert search_drop(report) <= 3
    assert report.seconds_by_stage["refine"] > 0


def test_refining_that_eats_up_the_target_is_undone(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(job: Job, reduced: Reduced, target: Target, seconds: float) -> Reduced:
        return replace(reduced, splats=reduced.splats.select(slice(0, 9)), rows=reduced.rows[:9])

    plain = compress(model, target_psnr_drop=3, effort=3)
    monkeypatch.setattr(search, "refine", spoil)
    spoilt = compress(model, target_psnr_drop=3, effort=3, refine_s=1.0)
    assert spoilt.data == plain.data
    assert any("undone" in warning for warning in spoilt.report.warnings)


def test_polishing_has_its_stage(model: Path) -> None:
    report = compress(model, target_psnr_drop=3, effort=4).report
    assert report.seconds_by_stage["polish"] > 0
    assert search_drop(report) <= 3


@pytest.mark.parametrize("degree", [0, 1])
def test_scenes_of_lower_degree(model: Path, degree: int) -> None:
    splats = flexgs.read_scene(model)
    low = replace(splats, sh=splats.sh[:, : (degree + 1) ** 2])
    views = {"cameras": model.parent / "cameras.json", "images": "none"}
    result = compress(low, **views, effort=3, target_psnr_drop=2)
    assert decode_splats(result.data).degree == degree
    assert search_drop(result.report) <= 2


def test_mip_scenes_stay_mip(model: Path) -> None:
    splats = replace(flexgs.read_scene(model).select(slice(0, 200)), model="mip")
    views = {"cameras": model.parent / "cameras.json", "images": "none"}
    result = compress(splats, **views, effort=1, target_psnr_drop=3)
    assert decode_splats(result.data).model == "mip"


def test_flat_scenes_go_to_segment_by_themselves(model: Path, tmp_path: Path) -> None:
    splats = replace(flexgs.read_scene(model).select(slice(0, 300)), model="2dgs")
    write_ply(tmp_path / "flat.ply", splats)
    views = {"cameras": model.parent / "cameras.json", "images": "none"}
    report = compress(splats, **views, target_psnr_drop=3, max_evaluations=3, best_effort=True)
    assert report.report.profile == "segment"


def test_a_target_out_of_reach_is_an_error_or_best_effort(model: Path) -> None:
    given = {"target_size": 300, "effort": 1}
    with pytest.raises(SearchError, match="no setting meets the target"):
        compress(model, **given)
    report = compress(model, **given, best_effort=True).report
    assert report.target is not None
    assert not report.target.reached


def test_every_stage_has_its_time_and_every_evaluation_its_prediction(model: Path) -> None:
    report = compress(model, target_psnr_drop=3, effort=3).report
    stages = {"read", "prepare", "views", "look", "prune and repair", "weigh", "quantise"}
    assert stages | {"encode", "write", "report"} == set(report.seconds_by_stage)
    assert min(report.seconds_by_stage.values()) >= 0
    assert all(s.predicted_db is not None and s.strength > 0 for s in report.search)
    assert all(math.isfinite(s.predicted_db or math.nan) for s in report.search)
    assert sum(report.bytes_by_attribute.values()) == report.output.size_bytes


def test_the_monitor_watches_views_that_repair_does_not_see() -> None:
    many = make_cameras(60)
    views, watching = split_monitor(many)
    assert set(views) | set(watching) == set(many)
    assert not set(views) & set(watching)
    assert 2 <= len(watching) < len(views) / 4
    fewer: tuple[Camera, ...] = many[:8]
    assert split_monitor(fewer) == (fewer, fewer)


def test_directions_that_no_view_has_seen_are_charged_for() -> None:
    blocks = np.zeros((2, 10), np.float32)
    blocks[0, 0] = 8.0
    add_unseen_view(blocks, 4)
    assert blocks.tolist() == [[8, 0, 2, 0, 0, 2, 0, 0, 0, 2], [0.0] * 10]


def test_nothing_given_is_changed() -> None:
    splats = make_splats(150)
    before = [a.copy() for a in (splats.means, splats.quats, splats.sh)]
    compress(splats, cameras="none", target_psnr_drop=3, effort=3, best_effort=True)
    for array, old in zip((splats.means, splats.quats, splats.sh), before, strict=True):
        assert np.array_equal(array, old)

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import flexgs
from flexgs.codec import describe
from flexgs.core import Splats
from flexgs.errors import SceneError, SearchError, UsageError
from flexgs.options import CompressOptions
from flexgs.quality import measure_quality
from flexgs.render import get_renderer

QUICK = {"effort": 1, "best_effort": True}


def test_the_report_is_about_the_file_on_disk(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.fgs"
    result = flexgs.compress(model, out, options=CompressOptions(**QUICK))
    report = result.report
    assert out.read_bytes() == result.data
    assert report.output.size_bytes == out.stat().st_size
    assert sum(report.bytes_by_attribute.values()) == out.stat().st_size
    assert report.ratio == model.stat().st_size / out.stat().st_size
    assert report.output.gaussians == flexgs.read_scene(out).n
    quality = report.report_quality
    assert quality is not None
    assert quality.drop_source == "measured on photographs"
    assert not any("ESTIMATE" in warning for warning in report.warnings)
    assert report.search_quality is not None
    assert [v.name for v in report.search_quality.views] == ["v04", "v12", "v20"]
    assert [v.name for v in quality.views] == ["v00", "v08", "v16"]
    again = flexgs.evaluate(model, out)
    assert again.drop_db == quality.drop_db


def test_a_drop_is_met_on_the_search_views(model: Path, tmp_path: Path) -> None:
    options = CompressOptions(
        profile="segment", target_psnr_drop=0.5, max_evaluations=14, report_views=1
    )
    result = flexgs.compress(model, tmp_path / "small.fgs", options=options)
    report = result.report
    assert report.target is not None
    assert report.target.reached
    best = [
        s
        for s in report.search
        if (s.pruning_rate, s.sh_rate) == (report.pruning_rate, report.sh_rate)
    ]
    assert best[0].drop_db <= 0.5
    assert report.ratio > 8
    assert report.profile == "segment"
    assert report.repair is None


def test_a_size_a_ratio_and_a_psnr_are_targets_too(model: Path) -> None:
    size = flexgs.compress(model, options=CompressOptions(target_size=20_000, **QUICK))
    assert len(size.data) <= 20_000
    ratio = flexgs.compress(model, options=CompressOptions(target_ratio=15, **QUICK))
    assert model.stat().st_size / len(ratio.data) >= 15
    psnr = flexgs.compress(model, options=CompressOptions(target_psnr=24, **QUICK))
    assert psnr.report.target is not None
    assert psnr.report.target.limit_drop_db is not None
    assert 0 < psnr.report.target.limit_drop_db < 10
    with pytest.raises(UsageError, match="does not reach"):
        flexgs.compress(model, options=CompressOptions(target_psnr=99, **QUICK))


def test_rates_can_be_fixed(model: Path) -> None:
    options = CompressOptions(pruning_rate=0.5, sh_rate=0.25, report_views=0)
    report = flexgs.compress(model, options=options).report
    assert len(report.search) == 1
    assert report.output.gaussians == 750
    assert report.target is None
    assert report.search_stopped == "the setting was given"
    assert report.report_quality is None


def test_without_photographs_the_drop_is_an_estimate(model: Path) -> None:
    options = CompressOptions(images="none", pruning_rate=0.3, sh_rate=0.5)
    report = flexgs.compress(model, options=options).report
    quality = report.report_quality
    assert quality is not None
    assert quality.drop_source == "estimated from renders"
    assert quality.drop_db > 0
    assert any("ESTIMATE" in warning for warning in report.warnings)
    again = flexgs.evaluate(model, model, images="none")
    assert again.is_estimate
    assert any("ESTIMATE" in note for note in again.notes)


@pytest.mark.parametrize("score", ["seed-fisher", "coverage", "blend-weight", "fisher"])
def test_every_score_compresses(model: Path, score: str) -> None:
    options = CompressOptions(score=score, pruning_rate=0.3, sh_rate=0.5, report_views=1)
    report = flexgs.compress(model, options=options).report
    assert report.report_quality is not None
    assert np.isfinite(report.report_quality.drop_db)


def test_removal_prunes_better_than_chance(model: Path) -> None:
    splats = flexgs.read_scene(model)
    options = CompressOptions(pruning_rate=0.5, sh_rate=0.0, bits={"sh": 16, "dc": 16})
    report = flexgs.compress(model, options=options).report
    rows = np.random.default_rng(0).permutation(splats.n)[: splats.n // 2]
    cameras = flexgs.io.load_cameras(None, None, model).cameras
    renderer = get_renderer("cpu", 2)
    chance = measure_quality(
        splats, splats.select(np.sort(rows)), cameras, renderer, photographs=False
    )
    assert report.report_quality is not None
    assert report.report_quality.psnr_renders > chance.psnr_renders + 6


def test_the_same_input_gives_the_same_bytes_for_any_threads(model: Path) -> None:
    one, two = (
        flexgs.compress(
            model,
            options=CompressOptions(
                profile="segment", threads=threads, report_views=1, max_evaluations=6
            ),
        )
        for threads in (1, 2)
    )
    assert one.data == two.data
    assert describe(one.data).metadata["score"] == "removal"


def test_the_file_names_no_paths_or_times(model: Path, tmp_path: Path) -> None:
    a, b = tmp_path / "a.fgs", tmp_path / "b.fgs"
    options = CompressOptions(pruning_rate=0.5, sh_rate=0.5, report_views=0)
    flexgs.compress(model, a, options=options)
    flexgs.compress(model, b, options=options)
    assert a.read_bytes() == b.read_bytes()
    assert str(model.parent).encode() not in a.read_bytes()


def test_a_dry_run_writes_nothing(model: Path, tmp_path: Path) -> None:
    options = CompressOptions(pruning_rate=0.5, sh_rate=0.5, dry_run=True)
    report = flexgs.compress(model, tmp_path / "a.fgs", options=options).report
    assert report.output.size_bytes > 0
    assert report.output.name == "(not written)"
    assert list(tmp_path.iterdir()) == []


def test_a_target_out_of_reach_is_an_error_and_leaves_nothing(model: Path, tmp_path: Path) -> None:
    options = CompressOptions(target_psnr_drop=1e-9, max_evaluations=1, effort=1)
    with pytest.raises(SearchError) as caught:
        flexgs.compress(model, tmp_path / "a.fgs", options=options)
    assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []


def test_outputs_are_checked_before_any_work(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.fgs"
    out.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists"):
        flexgs.compress(model, out)
    with pytest.raises(UsageError, match="is the input"):
        flexgs.compress(model, model, options=CompressOptions(force=True))
    with pytest.raises(UsageError, match="folder does not exist"):
        flexgs.compress(model, tmp_path / "no" / "a.fgs")
    with pytest.raises(UsageError, match="unknown score"):
        flexgs.compress(model, tmp_path / "b.fgs", options=CompressOptions(score="magic"))
    assert out.read_bytes() == b"mine"


def test_scenes_of_no_and_of_one_gaussian(model: Path) -> None:
    splats = flexgs.read_scene(model)
    folder = model.parent
    options = CompressOptions(cameras=folder / "cameras.json", images=folder / "images", **QUICK)
    with pytest.raises(SceneError, match="no Gaussians"):
        flexgs.compress(splats.select(slice(0, 0)), options=options)
    one = flexgs.compress(splats.select(slice(0, 1)), options=options)
    assert one.report.output.gaussians <= 1


def test_cameras_that_see_nothing_are_said_to(model: Path) -> None:
    splats = flexgs.read_scene(model)
    away = Splats(
        splats.means + np.float32([0, 1e5, 0]),
        splats.log_scales,
        splats.quats,
        splats.opacity_logits,
        splats.sh,
    )
    options = CompressOptions(cameras=model.parent / "cameras.json", images="none", **QUICK)
    with pytest.raises(SceneError, match="see"):
        flexgs.compress(away, options=options)

# SPDX-License-Identifier: Apache-2.0
"""Compression into other tools' formats: the target holds for what is read back from the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flexgs
from flexgs.core import Camera, Splats
from flexgs.errors import SceneError, SearchError, UsageError
from flexgs.importance.degrees import sh_costs
from flexgs.importance.sums import F32
from flexgs.io.formats.table import find_format, scene_formats
from flexgs.options import CompressOptions
from flexgs.pipeline import CompressResult
from flexgs.pipeline.formats.choice import CANDIDATES, candidates
from flexgs.pipeline.formats.prospects import CAUTION, Scout
from flexgs.pipeline.formats.round_trip import Way
from flexgs.pipeline.formats.worth import Weighed, Worth, strip, weigh
from flexgs.pipeline.meter import DropMeter
from flexgs.pipeline.rd.reduced import Reduced
from flexgs.progress import SILENT
from flexgs.render import get_renderer
from flexgs.repair import Rates
from flexgs.report import Report
from flexgs.scenes import open_scene
from flexgs.search import MaxBytes, MaxDrop
from tests.pipeline.conftest import make_cameras, make_splats

WRITTEN = [
    name
    for name in scene_formats.ids()
    if name != "fgs" and (name == "ply" or scene_formats.get(name).encoders)
]


def compress(model: Path | Splats, output: Path | None, **given: Any) -> CompressResult:
    options = CompressOptions(**{"report_views": 1, "effort": 3, **given})
    return flexgs.compress(model, output, options=options)


def search_drop(report: Report) -> float:
    assert report.search_quality is not None
    return report.search_quality.drop_db


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_meets_the_target(model: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"small{scene_formats.get(name).suffixes[0]}"
    report = compress(model, path, target_psnr_drop=4).report
    assert find_format(path).name == name == report.profile
    assert search_drop(report) <= 4
    assert report.output.size_bytes == path.stat().st_size
    assert report.output.gaussians == open_scene(path).splats.n < 1500
    assert report.target is not None
    assert report.target.reached


def test_a_higher_target_gives_a_smaller_file(model: Path, tmp_path: Path) -> None:
    sizes = [
        len(compress(model, None, format="compressed-ply", target_psnr_drop=drop).data)
        for drop in (2, 6)
    ]
    assert sizes[1] < 0.9 * sizes[0]


def test_targets_of_size_are_met(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.compressed.ply"
    report = compress(model, path, target_size=20_000).report
    assert path.stat().st_size <= 20_000
    assert report.target is not None
    assert report.target.reached


def test_what_a_format_cannot_hold_is_said(model: Path, tmp_path: Path) -> None:
    report = compress(model, tmp_path / "small.splat", target_psnr_drop=6).report
    assert any("degree 0" in warning for warning in report.warnings)
    mip = replace(flexgs.read_scene(model), model="mip")
    given = {"cameras": model.parent / "cameras.json", "images": "none"}
    with pytest.raises(SceneError, match="antialiased"):
        compress(mip, tmp_path / "mip.splat", **given)
    assert not (tmp_path / "mip.splat").exists()


def test_what_cannot_be_reached_leaves_no_file(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.splat"
    with pytest.raises(SearchError):
        compress(model, path, target_psnr_drop=0.001, max_evaluations=2, effort=1)
    assert not path.exists()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"format": "nothing"}, "unknown scene format"),
        ({"format": "splat", "profile": "segment"}, "--profile"),
        ({"format": "splat", "pruning_rate": 0.5}, "--pruning-rate"),
        ({"format": "splat", "refine_s": 3.0}, "--refine"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(
    model: Path, given: dict[str, Any], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        compress(model, None, **given)


def test_name_and_format_must_agree(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.splat"):
        compress(model, tmp_path / "small.ply", format="splat")
    with pytest.raises(UsageError, match="scene format"):
        compress(model, tmp_path / "small.png")


def weighed(splats: Splats) -> tuple[Worth, Weighed]:
    found = weigh(splats, make_cameras(6), get_renderer("cpu"), SILENT)
    return Worth(sh_costs(splats, found.blocks, found.removal), 16.0, 45.0), found


def test_what_is_worth_least_a_byte_goes_first() -> None:
    splats = make_splats(400)
    worth, _ = weighed(splats)
    assert strip(splats, worth, 0.0, 1)[0].n == np.count_nonzero(worth.colour.removal >= 0)
    counts = []
    for error in (0.1, 1.0, 10.0):
        strength = worth.strength_for(error)
        left, weights, bare = strip(splats, worth, strength, 10)
        counts.append(left.n)
        assert len(weights) == left.n
        assert worth.counts(strength) == (left.n, left.n - bare)
        assert bare == np.count_nonzero(~left.sh[:, 1:].any(axis=(1, 2)))
        assert worth.loss(strength) == pytest.approx(error, rel=0.2)
        size = worth.bytes_left(strength)
        assert worth.bytes_left(worth.strength_within(size)) == pytest.approx(size, rel=0.01)
    assert counts == sorted(counts, reverse=True)
    assert strip(splats, worth, 1e9, 10)[0].n == 10


def scout(splats: Splats, spare: float, repair: bool = False) -> Scout:
    cameras, renderer = make_cameras(6), get_renderer("cpu")
    meter = DropMeter(splats, cameras, renderer, None, 30.0)
    rows, rates = np.arange(splats.n), Rates().scaled(2)

    def target_of(camera: Camera) -> F32:
        return renderer.render(splats, camera)

    reduced = Reduced(splats, rows, cameras, target_of, rates, meter, ())
    return Scout(reduced, weighed(splats)[1], renderer, spare, repair)


def test_a_look_finds_what_a_way_costs() -> None:
    """Own errors are those of the rounding, prices those of the rows of the format."""
    splats = make_splats(600)
    looks = scout(splats, 20.0)
    fine, coarse = (looks.look(Way(scene_formats.get("ksplat"), f"level {i}", 2)) for i in (0, 2))
    assert fine.own_error < coarse.own_error
    assert fine.worth.gaussian_bytes == pytest.approx(140, abs=25)  # two headers and 600 rows
    assert fine.worth.sh_bytes == 0
    assert fine.worth.gaussian_bytes - coarse.worth.gaussian_bytes == pytest.approx(92, abs=9)
    bare = looks.look(Way(scene_formats.get("ksplat"), "level 0", 0))
    assert bare.own_error > 3 * fine.own_error
    assert bare.splats.degree == 0
    spz = looks.look(Way(scene_formats.get("spz"), "precision 0", 3))
    assert 10 < spz.worth.gaussian_bytes < 20
    assert 5 < spz.worth.sh_bytes < 45


def test_forecasts_meet_their_target() -> None:
    looks = scout(make_splats(600), 20.0)
    spz, ksplat = (scene_formats.get(name) for name in ("spz", "ksplat"))
    prospect = looks.look(Way(spz, "precision 0", 3))
    worth, left = prospect.worth, 20.0 - prospect.own_error
    strength = prospect.first_strength(MaxDrop(1.0), left)
    assert prospect.overlap * worth.loss(strength) == pytest.approx(left, rel=0.1)
    size = prospect.forecast(MaxDrop(1.0), 20.0 / CAUTION)
    assert size == pytest.approx(worth.bytes_left(strength))
    assert prospect.forecast(MaxBytes(round(size)), 20.0) == pytest.approx(20.0, rel=0.2)
    assert prospect.forecast(MaxDrop(1.0), 0.0) == np.inf
    loose = looks.choose(ksplat, MaxDrop(3.0), 100.0)
    tight = looks.choose(ksplat, MaxDrop(0.1), 0.05)
    assert loose.prospects[0].way.degree < 2
    assert loose.prospects[0].way.recipe != "level 0"
    assert tight.prospects[0].way.degree == 2
    assert loose.finest.way == tight.finest.way == Way(ksplat, "level 0", 2)
    assert loose.finest in loose.prospects
    assert loose.forecast == loose.prospects[0].forecast(MaxDrop(3.0), 100.0)


def test_a_scene_is_repaired_in_a_lower_degree() -> None:
    splats, renderer = make_splats(600), get_renderer("cpu")
    looks = scout(splats, 20.0, repair=True)
    entry = scene_formats.get("compressed-ply")
    whole, bare = (looks.look(Way(entry, "", degree)) for degree in (3, 0))
    assert looks.settle(whole, SILENT) is whole
    settled = looks.settle(bare, SILENT)
    assert settled.splats.degree == 0
    assert looks.settle(bare, SILENT).splats is settled.splats
    errors = [
        sum(
            float(np.square(renderer.render(s, view) - renderer.render(splats, view)).sum())
            for view in make_cameras(6)
        )
        for s in (bare.splats, settled.splats)
    ]
    assert errors[1] < 0.98 * errors[0]  # three steps
    assert scout(splats, 20.0).settle(bare, SILENT) is bare


def test_auto_takes_the_smallest(model: Path, tmp_path: Path) -> None:
    result = compress(model, tmp_path / "small", format="auto", target_psnr_drop=4)
    report, name = result.report, find_format(result.path or "").name
    assert result.path == tmp_path / f"small{scene_formats.get(name).suffixes[0]}"
    assert [each.name for each in tmp_path.iterdir()] == [result.path.name]
    assert report.profile == name
    assert search_drop(report) <= 4
    formats = report.plan["formats"]
    assert set(formats) == set(CANDIDATES)
    sizes = [found["size_bytes"] for found in formats.values() if found.get("reached")]
    assert formats[name]["size_bytes"] == min(sizes) == report.output.size_bytes
    assert [step.number for step in report.search] == list(range(1, len(report.search) + 1))
    single = compress(model, tmp_path / f"one{result.path.suffix}", target_psnr_drop=4).report
    assert report.output.size_bytes < 1.3 * single.output.size_bytes


def test_auto_leaves_the_suffix_to_us(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="auto chooses the suffix"):
        compress(model, tmp_path / "small.spz", format="auto")
    with pytest.raises(UsageError, match="--profile"):
        compress(model, tmp_path / "small", format="auto", profile="segment")
    (tmp_path / "small.ksplat").write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists"):
        compress(model, tmp_path / "small", format="auto")
    assert [each.name for each in tmp_path.iterdir()] == ["small.ksplat"]


def test_auto_keeps_the_kind_of_scene() -> None:
    plain = make_splats(3)
    assert [entry.name for entry in candidates("auto", plain)] == list(CANDIDATES)
    mip = [entry.name for entry in candidates("auto", replace(plain, model="mip"))]
    assert mip == ["spz", "sog", "compressed-ply"]
    assert [entry.name for entry in candidates("splat", plain)] == ["splat"]

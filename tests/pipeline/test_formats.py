# SPDX-License-Identifier: Apache-2.0
"""Compression into other tools' formats: the target holds for what is read back from the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flexgs
from flexgs.core import Splats
from flexgs.errors import SceneError, SearchError, UsageError
from flexgs.io.formats.table import find_format, scene_formats
from flexgs.options import CompressOptions
from flexgs.pipeline import CompressResult
from flexgs.pipeline.formats.round_trip import round_trip
from flexgs.pipeline.formats.worth import find_worth, strength_for, strip
from flexgs.progress import SILENT
from flexgs.render import get_renderer
from flexgs.report import Report
from flexgs.scenes import open_scene
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


def test_what_is_worth_least_a_byte_goes_first() -> None:
    splats = make_splats(400)
    entry = scene_formats.get("compressed-ply")
    whole = len(round_trip(splats, entry).data)
    worth = find_worth(splats, make_cameras(6), get_renderer("cpu"), entry, whole, SILENT)
    assert worth.sh_bytes == 0  # whole columns, whatever they hold
    assert worth.gaussian_bytes > 16 + 45
    worth = replace(worth, gaussian_bytes=16.0, sh_bytes=45.0)
    assert strip(splats, worth, 0.0, 1)[0].n == np.count_nonzero(worth.colour.removal >= 0)
    counts = []
    for error in (0.1, 1.0, 10.0):
        left, bare = strip(splats, worth, strength_for(worth, error), 10)
        counts.append(left.n)
        assert bare == np.count_nonzero(~left.sh[:, 1:].any(axis=(1, 2)))
    assert counts == sorted(counts, reverse=True)
    assert strip(splats, worth, 1e9, 10)[0].n == 10

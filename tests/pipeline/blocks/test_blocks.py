# SPDX-License-Identifier: Apache-2.0
"""Compression in blocks, end to end: quality, readers, refusals, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import flexgs
from flexgs.cli import app
from flexgs.codec import decode_splats, describe, verify
from flexgs.core import Camera
from flexgs.errors import FlexgsError, UsageError
from flexgs.options import CompressOptions
from flexgs.pipeline import CompressResult
from flexgs.pipeline.blocks import run
from flexgs.pipeline.blocks.memory import Sizes
from flexgs.pipeline.blocks.stored.looking import OutOfSight, TableRenderer
from flexgs.pipeline.blocks.stored.tables import Tables
from flexgs.pipeline.blocks.work import tasks
from flexgs.pipeline.rd.effort import EFFORTS, Effort
from flexgs.repair.reduction import Schedule
from flexgs.scenes import convert, decompress, open_scene, unpack

TARGET = 1.0


def compress(model: Path, output: Path | None = None, **given: Any) -> CompressResult:
    defaults = {"effort": 1, "report_views": 1, "target_psnr_drop": TARGET, "threads": 1}
    return flexgs.compress(model, output, options=CompressOptions(**{**defaults, **given}))


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """All that effort 4 does, as little of it as can be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EFFORTS, 4, Effort(Schedule(2, 1, 0.34), 0.5, 0.25, polish=2))
        yield


@pytest.fixture(scope="module")
def blocked(model: Path, tmp_path_factory: pytest.TempPathFactory, quick: None) -> CompressResult:
    """The scene in two blocks, repaired and polished, with a file."""
    return compress(model, tmp_path_factory.mktemp("blocks") / "scene.fgs", blocks=2, effort=4)


def test_blocks_meet_the_target(model: Path, blocked: CompressResult) -> None:
    report = blocked.report
    assert (report.plan["blocks"], report.profile) == (2, "rd")
    assert report.search_quality is not None
    assert 0.75 * TARGET < report.search_quality.drop_db <= TARGET
    assert report.target is not None
    assert report.target.reached
    best = next(step for step in report.search if step.strength == report.plan["strength"])
    assert best.drop_db == pytest.approx(report.search_quality.drop_db, abs=2e-3)
    assert best.size_bytes == pytest.approx(len(blocked.data), abs=20)


def test_blocks_are_as_small_as_the_whole_is_at_once(model: Path) -> None:
    at_once, blocked = compress(model), compress(model, blocks=3)
    assert len(blocked.data) < 1.05 * len(at_once.data)
    assert blocked.report.source == at_once.report.source
    gaussians = blocked.report.output.gaussians
    assert gaussians == pytest.approx(at_once.report.output.gaussians, rel=0.05)


def test_the_file_is_like_any_other(blocked: CompressResult, tmp_path: Path) -> None:
    path = blocked.path
    assert path is not None
    assert path.read_bytes() == blocked.data
    info = verify(blocked.data)
    assert info.n == describe(blocked.data).n == blocked.report.output.gaussians
    assert open_scene(path).splats.n == info.n
    assert convert(path, tmp_path / "scene.ply").gaussians == info.n
    notes = info.metadata
    assert (notes["original_gaussians"], notes["effort"]) == (1500, 4)


def test_nothing_but_the_file_is_left(blocked: CompressResult) -> None:
    assert blocked.path is not None
    assert [path.name for path in blocked.path.parent.iterdir()] == ["scene.fgs"]


def test_many_pieces_give_one_file(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # contexts have no room for all that matters
    monkeypatch.setattr(run, "plan_sizes", lambda *_: Sizes(800, 300, 250, 150, 10_000))
    path = tmp_path / "scene.fgs"
    result = compress(model, path, effort=2, blocks=2)
    assert result.report.plan["blocks"] == 2
    assert result.report.plan["pieces"] > 1
    decoded = decode_splats(result.data)
    assert decoded.n == result.report.output.gaussians
    assert result.report.search_quality is not None
    assert result.report.search_quality.drop_db <= TARGET
    decompress(path, tmp_path / "at_once.ply")
    assert unpack(path, tmp_path / "by_chunks.ply").gaussians == decoded.n
    files = [tmp_path / name for name in ("at_once.ply", "by_chunks.ply")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, FlexgsError("no")])
def test_a_block_that_fails_leaves_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Any
) -> None:
    reduce = tasks.ReduceTask.run

    def fail(self: tasks.ReduceTask) -> tasks.Facts:
        if self.index == 1:
            raise failure
        return reduce(self)

    monkeypatch.setattr(tasks.ReduceTask, "run", fail)
    with pytest.raises((KeyboardInterrupt, FlexgsError)):
        compress(model, tmp_path / "scene.fgs", blocks=2, effort=4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_memory": 10**8}, "too small"),
        ({"blocks": 2, "target_psnr_drop": None, "target_ratio": 20.0}, "not for scenes in blocks"),
        ({"blocks": 2, "profile": "segment", "effort": 5}, "only the rd profile"),
        ({"blocks": 2, "format": "spz"}, "only a .fgs"),
        ({"jobs": 2}, "work on blocks"),
    ],
)
def test_what_cannot_be_done_is_refused(model: Path, given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compress(model, **given)


def test_only_a_ply_is_read_in_pieces(blocked: CompressResult) -> None:
    assert blocked.path is not None
    with pytest.raises(UsageError, match=r"only a \.ply"):
        compress(blocked.path, blocks=2)


def test_the_command_says_what_the_memory_must_be(model: Path, tmp_path: Path) -> None:
    words = ["compress", str(model), "-o", str(tmp_path / "a.fgs"), "--max-memory", "100MB"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "at least" in result.output


def test_views_of_too_much_are_left_out(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    see = TableRenderer.see

    def short_of_memory(self: TableRenderer, tables: Tables, camera: Camera, *kept: Any) -> Any:
        if camera.name in ("v00", "v01", "v08"):  # two of the three report views, and another
            raise OutOfSight("a view sees too much for the memory", found=camera.name)
        return see(self, tables, camera, *kept)

    monkeypatch.setattr(TableRenderer, "see", short_of_memory)
    report = compress(model, blocks=2, report_views=None).report
    assert report.report_quality is not None
    assert [view.name for view in report.report_quality.views] == ["v16"]
    assert any("3 views see more than --max-memory" in note for note in report.warnings)


@pytest.mark.slow
def test_the_same_bytes_by_any_number_of_processes(model: Path) -> None:
    given = {"blocks": 2, "effort": 3, "repair": 1, "max_evaluations": 1, "best_effort": True}
    assert compress(model, **given, jobs=2).data == compress(model, **given, jobs=1).data


@pytest.mark.slow
def test_views_are_invented_where_there_are_none(model: Path) -> None:
    result = compress(model, blocks=2, cameras="none")
    assert "invented" in result.report.cameras
    assert result.report.search_quality is not None
    assert result.report.search_quality.drop_db <= TARGET
    assert np.isfinite(decode_splats(result.data).means).all()

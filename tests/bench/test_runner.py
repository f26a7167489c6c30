# SPDX-License-Identifier: Apache-2.0
"""Every file is made, decoded and measured once; a rerun does what is missing or changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flexgs.batch import BatchScene, Row
from flexgs.bench.measuring import open_judge
from flexgs.bench.model import Method, Setup
from flexgs.bench.planning import JOURNAL, Plan, choose_methods, plan_bench
from flexgs.bench.runner import bench_folder, exit_code, run_bench
from flexgs.errors import UsageError
from flexgs.pipeline import evaluate
from tests.bench.conftest import PYTHON, Fake

Scenes = tuple[BatchScene, ...]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def states(plan: Plan) -> list[str]:
    return [job.state for job in plan.jobs]


def run(scenes: Scenes, methods: list[Method], setup: Setup, folder: Path) -> tuple[Row, ...]:
    return run_bench(plan_bench(scenes, methods, setup, folder), folder)


def test_numbers_are_those_of_what_was_decoded(
    scenes: Scenes, fake: Fake, setup: Setup, folder: Path
) -> None:
    most, half = run(scenes, [fake], setup, folder)
    assert most.result is not None
    assert half.result is not None
    assert (most.scene, most.setting) == ("ash", "flexgs.most")
    assert (most.result["gaussians"], half.result["gaussians"]) == (190, 100)
    for row, path in ((most, fake.files["most"]), (half, fake.files["half"])):
        assert row.result is not None
        quality = evaluate(scenes[0].path, path, device="cpu", threads=1)
        report = row.result["report"]
        assert report["drop_db"] == pytest.approx(quality.drop_db)
        assert report["ssim_compressed_photo"] == pytest.approx(quality.ssim_compressed_photo)
        search = evaluate(scenes[0].path, path, views="search", device="cpu", threads=1)
        assert row.result["search"]["drop_db"] == pytest.approx(search.drop_db)
        assert row.result["bytes"] == path.stat().st_size
        assert row.result["evaluations"] == 3
        written = folder / "ash" / f"{row.setting}.bin"
        assert written.read_bytes() == path.read_bytes()
        assert list(row.files) == [f"ash/{row.setting}.bin"]
        commands = row.result["commands"]
        assert len(commands["encode"]) == 1
        assert "$FILE $PLY" in commands["decode"][0]
        assert commands["measure"][0].startswith("flexgs evaluate $SCENE $PLY --views report")
    assert half.result["report"]["drop_db"] > most.result["report"]["drop_db"] > 0
    assert sorted(p.name for p in folder.iterdir()) == ["ash", JOURNAL]  # nothing is left over


def test_a_rerun_does_what_is_missing_or_changed(
    scenes: Scenes, fake: Fake, setup: Setup, folder: Path
) -> None:
    first = run(scenes, [fake], setup, folder)
    plan = plan_bench(scenes, [fake], setup, folder)
    assert states(plan) == ["done", "done"]
    assert run_bench(plan, folder) == first
    assert len((folder / JOURNAL).read_bytes().splitlines()) == 2
    (folder / "ash" / "flexgs.half.bin").write_bytes(b"other")
    assert states(plan_bench(scenes, [fake], setup, folder)) == ["done", "lost"]
    assert states(plan_bench(scenes, [fake], setup, folder, lpips="vgg")) == ["changed"] * 2
    other = replace(setup, max_side=16)
    assert states(plan_bench(scenes, [fake], other, folder)) == ["changed"] * 2
    assert states(plan_bench(scenes, [fake], setup, folder, again=True)) == ["again", "lost"]


def test_what_goes_wrong_is_a_row_and_the_rest_goes_on(
    scenes: Scenes, fake: Fake, setup: Setup, folder: Path
) -> None:
    def fails(source: Path, encoded: Path) -> list[tuple[str, ...]]:
        second = "raise SystemExit('no memory for it')"
        return [(*PYTHON, "pass"), (*PYTHON, second), (*PYTHON, "raise SystemExit('never')")]

    def writes_nothing(source: Path, encoded: Path) -> list[tuple[str, ...]]:
        return [(*PYTHON, "print('all is well')")]

    one = {"half": fake.files["half"]}
    broken = replace(fake, name="broken", encoder=fails, files=one)
    silent = replace(fake, name="silent", encoder=writes_nothing, files=one)
    rows = run(scenes, [broken, silent, fake], setup, folder)
    errors = [row.error for row in rows]
    assert errors[2:] == [None, None]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[0]["message"] == "no memory for it"
    assert "no file was written" in errors[1]["message"]
    assert errors[0]["commands"]["encode"]
    assert exit_code(rows) == 1
    assert states(plan_bench(scenes, [broken, fake], setup, folder)) == ["failed", "done", "done"]


def test_a_scene_that_cannot_be_read_is_a_row(
    scenes: Scenes, fake: Fake, setup: Setup, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.ply").write_bytes(b"ply\nnonsense")
    bad = BatchScene("bad", tmp_path / "bad.ply")
    one = replace(fake, files={"half": fake.files["half"]})
    rows = run((bad, *scenes), [one], setup, folder)
    assert [row.error is not None for row in rows] == [True, False]


def test_a_tool_that_takes_too_long_is_a_result(
    scenes: Scenes, fake: Fake, setup: Setup, folder: Path
) -> None:
    def sleeps(source: Path, encoded: Path) -> list[tuple[str, ...]]:
        return [(*PYTHON, "import time; time.sleep(60)")]

    slow = replace(fake, name="slow", kind="tool", encoder=sleeps, files={"one": Path("none")})
    setup = replace(setup, limit_s=0.3)
    (row,) = run(scenes, [slow], setup, folder)
    assert row.error is not None
    assert row.error["kind"] == "TimedOut"
    assert "0.3 seconds" in row.error["message"]
    assert exit_code((row,)) == 0
    assert states(plan_bench(scenes, [slow], setup, folder)) == ["done"]
    longer = replace(setup, limit_s=0.4)
    assert states(plan_bench(scenes, [slow], longer, folder)) == ["failed"]


def test_what_has_ended_stays_when_it_is_interrupted(
    scenes: Scenes, fake: Fake, setup: Setup, folder: Path
) -> None:
    def stop(step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_bench(plan_bench(scenes, [fake], setup, folder), folder, listener=stop)
    assert states(plan_bench(scenes, [fake], setup, folder)) == ["done", "new"]


def test_lpips_is_measured_where_it_is_there(
    scenes: Scenes, fake: Fake, setup: Setup, folder: Path
) -> None:
    from flexgs.bench.lpips import Lpips

    plain = Lpips("fake", lambda a, b: float(abs(a - b).mean()))
    plan = plan_bench(scenes, [fake], setup, folder, lpips=plain.id)
    most, half = run_bench(plan, folder, lpips=plain)
    assert most.result is not None
    assert half.result is not None
    assert 0 < most.result["report"]["lpips"] < half.result["report"]["lpips"]


def test_methods_that_are_not_there_are_said(setup: Setup) -> None:
    chosen, missing = choose_methods([], replace(setup, peers=Path("nowhere")))
    assert [method.name for method in chosen][:2] == ["flexgs", "flexgs-renders"]
    assert "splat-transform" in missing[".sog by splat-transform"]
    with pytest.raises(UsageError, match="sog cannot be run"):
        choose_methods(["sog"], replace(setup, peers=Path("nowhere")))
    with pytest.raises(UsageError, match="unknown method"):
        choose_methods(["no"], setup)


def test_one_benchmark_a_folder(tmp_path: Path) -> None:
    with (
        bench_folder(tmp_path / "a"),
        pytest.raises(UsageError, match="another benchmark"),
        bench_folder(tmp_path / "a"),
    ):
        pass
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match="other things"), bench_folder(tmp_path / "b"):
        pass


def test_views_are_scaled_as_asked(scenes: Scenes, setup: Setup) -> None:
    judge = open_judge(scenes[0], replace(setup, max_side=16), None)
    assert {camera.width for camera in judge.views.split.report} == {16}
    assert json.dumps(judge.measure(judge.splats))

# SPDX-License-Identifier: Apache-2.0
"""What counts as the same job: content, setting, version; and what the journal says of it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flexgs.batch import BatchScene, Plan, Row, find_scenes, make_setting, plan_batch
from flexgs.batch.facts import job_key, look_at_scene
from flexgs.batch.journal import append_row
from tests.batch.conftest import VIEWS, make_model

SETTING = make_setting({"effort": 1})


@pytest.fixture
def ash(models: Path, tmp_path: Path) -> Path:
    return shutil.copytree(models / "ash", tmp_path / "ash")


def key_of(model: Path, **options: object) -> str:
    setting = make_setting({"effort": 1, **options})
    return job_key(look_at_scene(find_scenes([str(model)])[0], setting), setting)


def test_the_key_goes_by_content_not_by_place(ash: Path, models: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(ash, tmp_path / "elsewhere" / "other")
    assert key_of(ash) == key_of(moved) == key_of(models / "ash")
    assert key_of(ash) != key_of(models / "birch")


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: flip_last_byte(m / "point_cloud/iteration_30000/point_cloud.ply"),
        lambda m: flip_last_byte(m / "images/v03.png"),
        lambda m: (m / "images/v03.png").unlink(),
        lambda m: (m / "cameras.json").write_text(
            (m / "cameras.json").read_text().replace('"fx": 24', '"fx": 25', 1)
        ),
    ],
    ids=["scene", "photograph", "no photograph", "camera"],
)
def test_the_key_changes_with_all_that_is_read(ash: Path, change: Callable[[Path], None]) -> None:
    before = key_of(ash)
    change(ash)
    assert key_of(ash) != before


def test_the_key_changes_with_the_setting_and_the_version(
    ash: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key_of(ash), key_of(ash, effort=2), key_of(ash, target_psnr_drop=0.3)]
    keys += [key_of(ash, images="none"), key_of(ash, cameras="none"), key_of(ash, max_side=20)]
    monkeypatch.setattr("flexgs.batch.facts.__version__", "99.0")
    keys.append(key_of(ash))
    assert len(set(keys)) == len(keys)


def test_facts_say_which_views_and_photographs(ash: Path) -> None:
    (scene,) = find_scenes([str(ash)])
    facts = look_at_scene(scene, SETTING)
    assert (facts.views, facts.report_views, facts.photographs) == (VIEWS, 2, VIEWS)
    assert facts.size == (24, 24)
    small = look_at_scene(scene, make_setting({"max_side": 16}))
    assert small.size == (16, 16)
    assert any("scaled down to 16 pixels" in note for note in small.notes)
    assert look_at_scene(scene, make_setting({"cameras": "none"})).views == 0
    assert look_at_scene(scene, make_setting({"images": "none"})).photographs == 0
    assert look_at_scene(replace(scene, memory_bytes=7), SETTING).memory_bytes == 7


def plan(folder: Path, *scenes: BatchScene, again: bool = False) -> Plan:
    return plan_batch(scenes, [SETTING], folder, again=again)


def test_jobs_are_new_done_lost_changed_or_failed(ash: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (scene,) = find_scenes([str(ash)])
    (job,) = plan(out, scene).jobs
    assert (job.state, job.output) == ("new", "ash/drop-1.fgs")

    (out / "ash").mkdir(parents=True)
    (out / job.output).write_bytes(b"result")
    files = {job.output: hashlib.sha256(b"result").hexdigest()}
    done = Row(*job.id, job.key, 1.0, files=files, result={"bytes": 6})
    append_row(out / "journal.jsonl", done)
    assert plan(out, scene).jobs[0].state == "done"
    assert plan(out, scene, again=True).jobs[0].state == "again"

    (out / job.output).write_bytes(b"Result")
    assert plan(out, scene).jobs[0].state == "lost"
    append_row(out / "journal.jsonl", replace(done, key="other"))
    assert plan(out, scene).jobs[0].state == "changed"
    append_row(out / "journal.jsonl", replace(done, result=None, error={"message": "no"}))
    assert plan(out, scene).jobs[0].state == "failed"


def test_a_broken_scene_is_a_row_and_the_rest_is_planned(ash: Path, tmp_path: Path) -> None:
    (good,) = find_scenes([str(ash)])
    make_model(tmp_path / "bad", 3)
    (tmp_path / "bad/cameras.json").write_text("[1]")
    (bad,) = find_scenes([str(tmp_path / "bad")])
    gone = BatchScene("gone", tmp_path / "gone.ply")
    found = plan(tmp_path / "out", bad, good, gone)
    assert [job.id in found.unreadable for job in found.jobs] == [True, False, True]
    assert found.unreadable[found.jobs[0].id].error["kind"] == "Corrupt"  # type: ignore[index]
    assert found.unreadable[found.jobs[2].id].error["exit_code"] == 2  # type: ignore[index]


def test_memory_is_estimated_then_measured(ash: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (scene,) = find_scenes([str(ash)])
    (job,) = plan(out, scene).jobs
    assert 4e8 < job.memory_bytes < 5e8
    result = {"peak_memory_bytes": 1_000_000_000, "source_bytes": job.size_bytes}
    append_row(out / "journal.jsonl", Row("ash", "other", "k", 1.0, result=result))
    assert plan(out, scene).jobs[0].memory_bytes == 1_100_000_000
    declared = replace(scene, memory_bytes=5)
    assert plan(out, declared).jobs[0].memory_bytes == 5

# SPDX-License-Identifier: Apache-2.0
"""flexgs batch: plans, wrong usage. What it runs is in tests/batch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run


def test_a_dry_run_says_all_and_writes_nothing(
    run: Run, ply: Path, cameras: Path, tmp_path: Path
) -> None:
    cameras.rename(tmp_path / "cameras.json")
    out = tmp_path / "out"
    words = ["--dry-run", "--target-ratio", "5", "--target-ratio", "9", "--json"]
    done = run("batch", ply, "-o", out, *words)
    assert done.exit_code == 0, done.stderr
    plan: dict[str, Any] = json.loads(done.stdout)
    assert plan["to_do"] == 2
    jobs = plan["jobs"]
    assert [job["setting"] for job in jobs] == ["ratio-5", "ratio-9"]
    assert jobs[0]["facts"]["views"] == 12
    assert jobs[0]["options"]["max_side"] == 1600
    assert "12 of cameras.json, 3 to report on, 40x32" in done.stderr
    assert not out.exists()


def test_a_broken_scene_is_in_the_plan(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.ply").write_text("nonsense")
    (tmp_path / "cameras.json").write_text("{")
    done = run("batch", tmp_path / "bad.ply", "-o", tmp_path / "out", "--dry-run", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["jobs"][0]["error"]["exit_code"] == 3


@pytest.mark.parametrize(
    "words",
    [
        ["none*"],
        ["scene.ply", "--max-memory", "lots"],
        ["scene.ply", "--threads", "0"],
        ["scene.ply", "--target-psnr-drop", "0"],
        ["scene.ply", "--cameras", "here.json"],
        ["scene.ply", "--format", "docx"],
        ["scene.ply", "--data", "nowhere"],
        ["study.toml", "scene.ply"],
        ["study.toml", "--effort", "1"],
        ["missing.toml"],
        ["scene.ply", "--force", "--ray", "127.0.0.1:1"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    run: Run, ply: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    (tmp_path / "study.toml").write_text("[[scenes]]\npath = 'scene.ply'\n")
    done = run("batch", *words, "-o", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert not (tmp_path / "out").exists()


def test_a_broken_manifest_is_exit_code_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text("scenes = [")
    done = run("batch", tmp_path / "m.toml", "-o", tmp_path / "out")
    assert done.exit_code == 3
    assert "not readable TOML" in done.stderr


def test_a_folder_of_other_things_is_refused(run: Run, ply: Path, tmp_path: Path) -> None:
    done = run("batch", ply, "-o", tmp_path)
    assert done.exit_code == 2
    assert "--force" in done.stderr

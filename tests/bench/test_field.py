# SPDX-License-Identifier: Apache-2.0
"""scripts/bench_mipnerf360 on a miniature of the two downloads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flexgs.bench.field import check_downloads, main
from tests.bench.conftest import make_model

ROOT = Path(__file__).parents[2]
SCENES = {"bonsai": "images_2", "garden": "images_4", "truck": "images"}


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two scenes of Mip-NeRF 360 and one of Tanks & Temples, as their archives unpack."""
    models, data = (tmp_path_factory.mktemp(name) for name in ("models", "data"))
    make_model(models / "bonsai")
    for name, images in SCENES.items():
        if name != "bonsai":
            shutil.copytree(models / "bonsai", models / name)
        place = data / ("tandt" if name == "truck" else "360_v2") / name
        shutil.copytree(models / "bonsai" / "images", place / images)
    for name in SCENES:
        shutil.rmtree(models / name / "images")
    return models, data


def test_scenes_are_found_with_what_the_field_judges_them_on(downloads: tuple[Path, Path]) -> None:
    entries = {entry.name: entry for entry in check_downloads(*downloads)}
    assert len(entries) == 13
    assert [name for name, entry in entries.items() if entry.scene is not None] == list(SCENES)
    for name, images in SCENES.items():
        scene = entries[name].scene
        assert scene is not None
        assert isinstance(scene.images, Path)
        assert scene.images.name == images
        assert entries[name].words.startswith("16 views of 24x24, 2 for tests")
        assert entries[name].problems == ()
    assert "no model" in entries["room"].problems[0]


def test_what_is_missing_is_said(
    downloads: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, data = downloads
    assert main([str(models), str(tmp_path / "none")]) == 2
    assert "no such folder of data sets" in capsys.readouterr().err
    assert main([str(models), str(data)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "7 scenes of Mip-NeRF 360 cannot be run" in told.err
    (tmp_path / "data" / "bonsai").mkdir(parents=True)
    shutil.copytree(data / "360_v2/bonsai/images_2", tmp_path / "data/bonsai/images")
    entries = {entry.name: entry for entry in check_downloads(models, tmp_path / "data")}
    assert entries["bonsai"].problems == ("photographs of images; the field takes images_2",)
    assert any("no photographs" in problem for problem in entries["garden"].problems)
    assert any("no data set" in problem for problem in entries["garden"].problems)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_script_hands_over_what_it_found(downloads: tuple[Path, Path], tmp_path: Path) -> None:
    """With a python that writes its arguments down in place of `-m flexgs bench`."""
    models, data = downloads
    stamp = 'echo "$(cat pyproject.toml constraints.txt | cksum) $PWD"'
    (tmp_path / "venv/bin").mkdir(parents=True)
    python = tmp_path / "venv/bin/python"
    python.write_text(
        f'#!/bin/sh\nif [ "$2" = flexgs ]; then shift 2; printf "%s\\n" "$@" > {tmp_path}/told\n'
        f'else exec {sys.executable} "$@"; fi\n'
    )
    python.chmod(0o755)
    wanted = subprocess.run(["bash", "-c", stamp], cwd=ROOT, capture_output=True, text=True)
    (tmp_path / "venv/.flexgs-stamp").write_text(wanted.stdout)
    environment = {**os.environ, "FLEXGS_VENV": str(tmp_path / "venv")}

    def script(*options: str) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "scripts/bench_mipnerf360"), str(models), str(data), *options]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    assert script("--dry-run").returncode == 2
    dry = script("--dry-run", "--partial")
    assert dry.returncode == 0, dry.stderr
    assert "3 of 13 scenes of the table are there" in dry.stderr
    assert not (tmp_path / "told").exists()
    done = script("--partial", "-o", str(tmp_path / "out"), "--effort", "1")
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "told").read_text().splitlines()
    assert told[:4] == ["bench", *(str(models / name) for name in SCENES)]
    assert told[4:6] == ["--data", str(data)]
    assert told[-4:] == ["-o", str(tmp_path / "out"), "--effort", "1"]


def test_the_scene_at_hand(bonsai: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The smoke test of the whole table: bonsai, laid out like neither download."""
    assert main([str(bonsai.parent), str(bonsai.parent), "--partial"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[:2] == [str(bonsai), "--data"]
    assert "292 views of 800x533, 37 for tests" in told.err
    assert "photographs of images; the field takes images_2" in told.err

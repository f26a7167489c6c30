# SPDX-License-Identifier: Apache-2.0
"""Every command on a tiny scene: what it writes, what it prints where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.codec import read_fgs
from flexgs.io import read_image, read_ply
from tests.cli.conftest import Run

FIXED = ("--pruning-rate", "0.25", "--sh-rate", "0.5", "--report-views", "none")


@pytest.fixture
def fgs(run: Run, ply: Path, cameras: Path) -> Path:
    result = run("compress", ply, "--cameras", cameras, *FIXED, "-q")
    assert result.exit_code == 0, result.output
    assert result.output == ""
    return ply.with_suffix(".fgs")


def test_compress_with_a_fixed_setting(run: Run, ply: Path, fgs: Path) -> None:
    assert read_fgs(fgs).n == 225
    assert fgs.stat().st_size < ply.stat().st_size / 4


def test_compress_searches_and_reports(run: Run, ply: Path, cameras: Path) -> None:
    folder = ply.parent
    result = run(
        *("compress", ply, "-o", folder / "small.fgs", "--cameras", cameras),
        *("--target-psnr-drop", "2", "--effort", "1", "--max-evaluations", "9", "--json"),
        *("--report", folder / "r.json", "--report", folder / "r.html"),
    )
    assert result.exit_code == 0, result.output
    printed: dict[str, Any] = json.loads(result.stdout)
    assert printed == json.loads((folder / "r.json").read_text())
    assert printed["target"]["reached"] is True
    assert printed["output"]["size_bytes"] == (folder / "small.fgs").stat().st_size
    assert sum(printed["bytes_by_attribute"].values()) == printed["output"]["size_bytes"]
    assert 1 <= len(printed["search"]) <= 9
    assert printed["profile"] == "rd"
    assert all(step["drop_db"] <= 2 for step in printed["search"] if step["accepted"])
    assert "ratio" in result.stderr
    assert (folder / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_dry_run_writes_no_scene(run: Run, ply: Path, cameras: Path) -> None:
    before = sorted(p.name for p in ply.parent.iterdir())
    result = run("compress", ply, "--cameras", cameras, *FIXED, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "ratio" in result.stdout
    assert "(not written)" in result.stdout
    assert sorted(p.name for p in ply.parent.iterdir()) == before


def test_a_missed_target_is_exit_code_4_and_writes_nothing(
    run: Run, ply: Path, cameras: Path
) -> None:
    words = ("compress", ply, "--cameras", cameras, "--target-size", "100")
    few = ("--report-views", "none", "--effort", "1")
    result = run(*words, *few)
    assert result.exit_code == 4
    assert "--best-effort" in result.stderr
    assert not ply.with_suffix(".fgs").exists()
    result = run(*words, *few, "--best-effort")
    assert result.exit_code == 4
    assert "NOT reached" in result.stdout
    assert read_fgs(ply.with_suffix(".fgs")).n > 0


def test_decompress(run: Run, fgs: Path, ply: Path) -> None:
    output = ply.parent / "back.ply"
    result = run("decompress", fgs, "-o", output, "--json", "-q")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["gaussians"] == read_ply(output).splats.n == 225
    again = run("decompress", fgs)
    assert again.exit_code == 2  # scene.ply, the original, is in the way
    assert "--force" in again.stderr


@pytest.mark.parametrize("command", ["info", "verify"])
def test_info_and_verify(run: Run, fgs: Path, ply: Path, command: str) -> None:
    for path, count in ((ply, 300), (fgs, 225)):
        found = json.loads(run(command, path, "--json").stdout)
        assert found["gaussians"] == count
        assert found["size_bytes"] == path.stat().st_size
    shown = run(command, fgs)
    assert shown.exit_code == 0
    assert "225" in shown.output


def test_info_accounts_for_every_byte(run: Run, fgs: Path, ply: Path) -> None:
    for path in (ply, fgs):
        found = json.loads(run("info", path, "--json").stdout)
        assert sum(found["bytes_by_attribute"].values()) == path.stat().st_size
        assert min(found["bytes_by_attribute"].values()) >= 0


def test_a_flipped_bit_is_exit_code_3(run: Run, fgs: Path) -> None:
    data = bytearray(fgs.read_bytes())
    data[len(data) // 2] ^= 4
    fgs.write_bytes(data)
    for words in (["verify", fgs], ["decompress", fgs, "-o", fgs.parent / "back.ply"]):
        result = run(*words)
        assert result.exit_code == 3
        assert str(fgs) in result.stderr
        assert len(result.stderr.strip().splitlines()) <= 3
    assert not (fgs.parent / "back.ply").exists()


def test_evaluate(run: Run, fgs: Path, ply: Path, cameras: Path) -> None:
    result = run("evaluate", ply, fgs, "--cameras", cameras, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [view["name"] for view in found["views"]] == ["v00", "v04", "v08"]
    assert found["drop_source"] == "estimated from renders"
    assert found["drop_db"] > 0
    table = run("evaluate", ply, ply, "--cameras", cameras)
    assert "equal" in table.stdout
    small = json.loads(
        run("evaluate", ply, fgs, "--cameras", cameras, "--max-side", 20, "--json").stdout
    )
    assert small["psnr_renders"] != found["psnr_renders"]
    assert any("20 pixels a side" in note for note in small["notes"])


def test_render(run: Run, ply: Path, cameras: Path) -> None:
    folder = ply.parent / "pictures"
    result = run("render", ply, "-o", folder, "--cameras", cameras, "--scale", "0.5", "--json")
    assert result.exit_code == 0, result.output
    names = json.loads(result.stdout)["files"]
    assert names == sorted(p.name for p in folder.iterdir()) == ["v00.png", "v04.png", "v08.png"]
    image = read_image(folder / "v00.png")
    assert image.shape == (16, 20, 3)
    assert image.max() > 0.1


def test_score(run: Run, ply: Path, cameras: Path) -> None:
    output = ply.parent / "scores.npz"
    words = ("score", ply, "-o", output, "--cameras", cameras)
    few = ("--score", "removal", "--score", "blend-weight")
    result = run(*words, *few, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["scores"] == ["removal", "blend-weight"]
    assert found["spearman"][0][0] == pytest.approx(1)
    assert 0 < found["spearman"][0][1] < 1
    with np.load(output, allow_pickle=False) as stored:
        assert stored["removal"].shape == (300,)
    again = run(*words, *few)
    assert again.exit_code == 2
    assert "blend-weight" in run("score", ply, "--cameras", cameras, *few).stdout

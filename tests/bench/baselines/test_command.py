# SPDX-License-Identifier: Apache-2.0
"""python -m flexgs.bench.baselines: targets, files, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flexgs.bench.baselines.__main__ import run
from flexgs.io import read_ply

NAMES = ("flexgaussian", "mesongs")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):
    def command(*arguments: object) -> tuple[int, Any, str]:
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out.startswith("{") else out, err

    return command


@pytest.mark.parametrize("name", NAMES)
def test_the_target_is_met_by_the_file_as_decoded(call, name: str, scene: Path) -> None:
    packed, ply = scene.with_name("small.npz"), scene.with_name("again.ply")
    command = [name, "compress", scene, "-o", packed, "--target-psnr-drop", 3]
    code, facts, _ = call(*command, "--threads", 1, "--json")
    assert code == 0
    assert facts["met"]
    assert facts["search_drop_db"] <= 3
    assert facts["bytes"] == packed.stat().st_size
    assert facts["evaluations"] == len(facts["trials"])
    assert "re-implemented" in facts["source"]
    kept = facts["trials"][-1 if facts["trials"][-1]["met"] else -2]
    assert kept["size_bytes"] == facts["bytes"]
    code, found, _ = call(name, "decompress", packed, "-o", ply, "--json")
    assert (code, found["gaussians"]) == (0, facts["gaussians"])
    assert read_ply(ply).splats.n == facts["gaussians"]


@pytest.mark.parametrize("name", NAMES)
def test_a_missed_target_writes_nothing_but_on_request(call, name: str, scene: Path) -> None:
    packed = scene.with_name("small.npz")
    command = [name, "compress", scene, "-o", packed, "--target-psnr-drop", "1e-6", "--threads", 1]
    code, _, said = call(*command)
    assert code == 4
    assert "no setting" in said
    assert not packed.exists()
    code, facts, _ = call(*command, "--best-effort", "--json")
    assert code == 4
    assert not facts["met"]
    assert facts["search_drop_db"] == min(trial["drop_db"] for trial in facts["trials"])
    assert packed.stat().st_size == facts["bytes"]


def test_the_ablation_adds_up(call, scene: Path) -> None:
    facts = {}
    for parts, rates in (
        ("quantisation", ()),
        ("pruning", ("--pruning-rate", 0.2, "--sh-rate", 0.6)),
        ("both", ("--pruning-rate", 0.2, "--sh-rate", 0.6)),
    ):
        command = ["flexgaussian", "compress", scene, "-o", scene.with_name(f"{parts}.npz")]
        code, facts[parts], _ = call(*command, "--parts", parts, *rates, "--threads", 1, "--json")
        assert code == 0
        assert facts[parts]["evaluations"] == 1
    assert facts["both"]["bytes"] < facts["quantisation"]["bytes"]
    assert facts["both"]["gaussians"] == facts["pruning"]["gaussians"] == 320
    assert facts["quantisation"]["gaussians"] == 400


@pytest.mark.parametrize(
    "wrong",
    [
        ("flexgaussian", "--pruning-rate", "0.2"),
        ("flexgaussian", "--parts", "quantisation", "--sh-rate", "0.1"),
        ("flexgaussian", "--parts", "quantisation", "--target-psnr-drop", "1"),
        ("flexgaussian", "--target-psnr-drop", "-1"),
        ("mesongs", "--pruning-rate", "1.5"),
        ("mesongs", "--pruning-rate", "0.5", "--target-psnr-drop", "1"),
        ("mesongs", "--depth", "22"),
        ("mesongs", "--codebook", "0"),
    ],
)
def test_wrong_usage_is_said(call, scene: Path, wrong: tuple[str, ...]) -> None:
    code, _, said = call(wrong[0], "compress", scene, "-o", scene.with_name("a.npz"), *wrong[1:])
    assert code == 2
    assert said.startswith(f"{wrong[0]}: ")


def test_outputs_are_not_overwritten_and_bad_files_are_named(call, scene: Path) -> None:
    packed = scene.with_name("a.npz")
    packed.write_bytes(b"PK\5\6 but no more")
    assert call("mesongs", "compress", scene, "-o", packed)[0] == 2
    code, _, said = call("mesongs", "decompress", packed, "-o", scene.with_name("b.ply"))
    assert code == 3
    assert str(packed) in said
    assert call("mesongs", "decompress", packed, "-o", scene)[0] == 2
    assert call("mesongs", "decompress", packed, "-o", scene.with_name("b.txt"))[0] == 2
    assert not scene.with_name("b.ply").exists()


def test_it_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "flexgs.bench.baselines", "mesongs", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "compress" in said
    assert "re-implemented" in said

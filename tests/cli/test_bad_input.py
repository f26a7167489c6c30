# SPDX-License-Identifier: Apache-2.0
"""Every bad input of the issue through the command line: a short typed error, or a stated handling.

Damage, impostors and unknown files stand in test_errors.py and test_commands.py.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.codec import read_fgs
from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.io import write_ply, write_png
from tests.cli.conftest import Run

FIXED = ("--pruning-rate", "0.25", "--sh-rate", "0.5", "--report-views", "none")
Change = Callable[[Splats], Splats]


def with_row(name: str, value: float) -> Change:
    """Sets one value, or one whole row, of a field of Gaussian 3."""

    def change(splats: Splats) -> Splats:
        values = getattr(splats, name).copy()
        values[3] = value
        return replace(splats, **{name: values})

    return change


BAD_SCENES: dict[str, tuple[Change, str]] = {
    "activated opacities": (
        lambda s: replace(s, opacity_logits=sigmoid(s.opacity_logits)),
        "look already activated",
    ),
    "activated scales": (
        lambda s: replace(s, log_scales=np.exp(s.log_scales)),
        "look already activated",
    ),
    "nan": (with_row("means", np.nan), "means of Gaussian 3"),
    "zero quaternion": (with_row("quats", 0), "quats of Gaussian 3"),
    "no gaussians": (lambda s: s.select(slice(0, 0)), "no Gaussians"),
}


def refused(result: Any, code: int, words: str) -> None:
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 3
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("kind", BAD_SCENES)
def test_a_scene_of_bad_values_is_exit_code_3(
    run: Run, splats: Splats, cameras: Path, kind: str
) -> None:
    change, words = BAD_SCENES[kind]
    path = cameras.parent / "bad.ply"
    write_ply(path, change(splats))
    refused(run("compress", path, "--cameras", cameras, *FIXED), 3, words)
    assert not path.with_suffix(".fgs").exists()


@pytest.mark.parametrize("kind", ["nan", "zero quaternion"])
def test_bad_rows_are_left_out_on_demand_and_counted(
    run: Run, splats: Splats, cameras: Path, kind: str
) -> None:
    path = cameras.parent / "bad.ply"
    write_ply(path, BAD_SCENES[kind][0](splats))
    result = run("compress", path, "--cameras", cameras, *FIXED, "--drop-invalid", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["source"]["gaussians"] == 299
    assert "1 invalid Gaussians dropped" in report["warnings"]


@pytest.mark.parametrize(
    ("change", "degree", "count"),
    [
        (lambda s: s.select(slice(0, 1)), 1, 1),
        (lambda s: replace(s, sh=s.sh[:, :1]), 0, 225),  # no f_rest at all
    ],
    ids=["one Gaussian", "no f_rest"],
)
def test_odd_scenes_go_there_and_back(
    run: Run, splats: Splats, cameras: Path, change: Change, degree: int, count: int
) -> None:
    path = cameras.parent / "odd.ply"
    write_ply(path, change(splats))
    result = run("compress", path, "--cameras", cameras, *FIXED, "-q")
    assert result.exit_code == 0, result.output
    found = read_fgs(path.with_suffix(".fgs"))
    assert (found.n, found.degree) == (count, degree)
    back = cameras.parent / "back.ply"
    assert run("decompress", path.with_suffix(".fgs"), "-o", back).exit_code == 0
    assert json.loads(run("info", back, "--json").stdout)["gaussians"] == count


def edited(path: Path, **changes: object) -> None:
    entries = json.loads(path.read_text())
    path.write_text(json.dumps([{**entry, **changes} for entry in entries]))


def test_cameras_that_see_nothing_are_exit_code_3(run: Run, ply: Path, cameras: Path) -> None:
    edited(cameras, position=[1e4, 1e4, 1e4])
    refused(run("compress", ply, "--cameras", cameras, *FIXED), 3, "no view sees any")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"id": 0,', "not readable JSON"),
        ("[]", "no camera in it"),
        ("{}", "no frames"),
        ('[{"img_name": "a", "width": 4, "height": 3}]', "not a"),
        ("[" * 100_000, "not readable JSON"),
    ],
)
def test_broken_cameras_are_exit_code_3(
    run: Run, ply: Path, cameras: Path, text: str, words: str
) -> None:
    cameras.write_text(text)
    refused(run("compress", ply, "--cameras", cameras, *FIXED), 3, words)


def test_photographs_of_another_shape_are_exit_code_3(run: Run, ply: Path, cameras: Path) -> None:
    folder = cameras.parent / "images"
    folder.mkdir()
    for i in range(12):
        write_png(folder / f"v{i:02d}.png", np.zeros((8, 40, 3)))
    words = ("compress", ply, "--cameras", cameras, "--images", folder, *FIXED)
    refused(run(*words), 3, "does not have the shape of camera")


@pytest.mark.parametrize("command", ["compress", "decompress", "score"])
def test_a_folder_that_cannot_be_written_is_exit_code_2(
    run: Run, ply: Path, cameras: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    suffix = {"compress": ".fgs", "decompress": ".ply", "score": ".npz"}[command]
    # root may write everywhere
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    refused(run(command, ply, "-o", ply.parent / f"out{suffix}"), 2, "not writable")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_exit_code_1_and_loses_nothing(
    run: Run, ply: Path, cameras: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    output = ply.parent / "out.fgs"
    output.write_bytes(b"mine")
    before = sorted(ply.parent.iterdir())

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, refuse)
    words = ("compress", ply, "-o", output, "--force", "--cameras", cameras, *FIXED)
    refused(run(*words), 1, "No space left on device")
    assert output.read_bytes() == b"mine"
    assert sorted(ply.parent.iterdir()) == before


def test_a_report_that_cannot_be_written_costs_neither_scene_nor_figures(
    run: Run, ply: Path, cameras: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("flexgs.report.write.report_to_html", refuse)
    output = ply.parent / "out.fgs"
    words = ("compress", ply, "-o", output, "--cameras", cameras, *FIXED, "--json")
    result = run(*words, "--report", ply.parent / "r.html")
    assert result.exit_code == 1
    assert "No space left" in result.stderr
    assert json.loads(result.stdout)["output"]["size_bytes"] == output.stat().st_size

# SPDX-License-Identifier: Apache-2.0
"""flexgs inspect, merge, crop and transform."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.io import read_image, read_ply, write_ply
from flexgs.lint import Column, Finding, Inspection, Outcome, Range
from flexgs.lint.model import Code
from flexgs.scenes import read_scene
from tests.cli.conftest import Run

DOCS = Path(__file__).parents[2] / "docs"


def test_inspect_shows_tables_and_ends_well(run: Run, ply: Path) -> None:
    result = run("inspect", ply)
    assert result.exit_code == 0, result.output
    for words in ("300 in 3-D", "log_scales", "f_rest_0..8", "0 errors", "in other formats"):
        assert words.lower() in result.stdout.lower()
    assert "SH degree" in result.stdout
    assert "the rest was not tried" in result.stdout  # SOG
    assert result.stderr == ""
    assert run("inspect", ply, "--quiet").output == ""


def test_inspect_as_json_is_what_the_page_says(run: Run, ply: Path) -> None:
    result = run("inspect", ply, "--json", "--losses", "all")
    found = json.loads(result.stdout)
    text = (DOCS / "inspect.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE))
    keys = {"flexgs_inspection", "errors", "warnings", *(f.name for f in fields(Inspection))}
    for kind in (Column, Finding, Outcome, Range):
        keys |= {f.name for f in fields(kind)}
    assert set(found) <= keys <= named
    assert found["flexgs_inspection"] == 1
    sog = next(o for o in found["outcomes"] if o["format"] == "sog")
    assert sog["tried"]
    assert sog["size_bytes"] > 1000


def test_every_code_is_in_the_page() -> None:
    text = (DOCS / "inspect.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (?:error|warning|info) \|", text, flags=re.MULTILINE)
    assert sorted(rows) == sorted(get_args(Code))


def test_errors_are_exit_code_1_and_warnings_on_demand(
    run: Run, splats: Splats, tmp_path: Path
) -> None:
    means = splats.means.copy()
    means[4] = np.nan
    write_ply(tmp_path / "nan.ply", replace(splats, means=means))
    result = run("inspect", tmp_path / "nan.ply", "--losses", "none")
    assert result.exit_code == 1
    assert "error nan: 1 Gaussians: means: NaN (rows 4)" in result.stdout
    means[4] = 5000
    write_ply(tmp_path / "far.ply", replace(splats, means=means))
    words = ("inspect", tmp_path / "far.ply", "--losses", "none")
    assert run(*words).exit_code == 0
    result = run(*words, "--strict", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["warnings"] == 1


def test_what_cannot_be_inspected_has_the_usual_exit_codes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    result = run("inspect", tmp_path / "a.ply")
    assert result.exit_code == 3
    assert "Git LFS" in result.stderr
    assert run("inspect", tmp_path / "b.ply").exit_code == 2
    assert run("inspect", tmp_path / "a.ply", "--losses", "png").exit_code == 2


def test_merge_puts_scenes_together(run: Run, ply: Path) -> None:
    other, out = ply.parent / "other.splat", ply.parent / "out.ply"
    assert run("convert", ply, other).exit_code == 0
    result = run("merge", ply, other, "-o", out, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["gaussians"] == read_ply(out).splats.n == 600
    assert found["sh_degree"] == 1
    assert [source["format"] for source in found["sources"]] == ["ply", "splat"]
    assert "600 of 600 Gaussians" in result.stderr
    assert run("merge", ply, other, "-o", out).exit_code == 2
    assert run("merge", ply, other, "-o", out, "--force", "-q").output == ""


def test_merge_refuses_mixed_models(run: Run, splats: Splats, ply: Path) -> None:
    mip, out = ply.parent / "mip.ply", ply.parent / "out.ply"
    write_ply(mip, replace(splats, model="mip"))
    result = run("merge", ply, mip, "-o", out)
    assert result.exit_code == 3
    assert "--plain" in result.stderr
    result = run("merge", ply, mip, "-o", out, "--plain")
    assert result.exit_code == 0
    assert "note: 300 Gaussians of mip taken for plain 3DGS" in result.stderr


def test_crop_keeps_what_passes(run: Run, ply: Path, splats: Splats) -> None:
    out = ply.parent / "out.ply"
    result = run("crop", ply, out, "--box", "-1,-1,-1,1,1,1", "--min-opacity", "0.5", "--json")
    assert result.exit_code == 0, result.output
    inside = (np.abs(splats.means) <= 1).all(axis=1) & (splats.opacity_logits >= 0)
    assert json.loads(result.stdout)["gaussians"] == read_ply(out).splats.n == inside.sum()
    assert f"{inside.sum()} of 300 Gaussians" in result.stderr
    words = ("--sphere", "0,0,0,1.5", "--invert", "--force")
    assert run("crop", ply, out, *words).exit_code == 0
    outside = np.linalg.norm(splats.means, axis=1) > 1.5
    assert read_ply(out).splats.n == outside.sum()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--box", "1,2,3"),
        ("--box", "0,0,0,1,1,x"),
        ("--box", "1,0,0,0,1,1"),
        ("--sphere", "0,0,0,-1"),
        ("--min-opacity", "nan"),
        ("--sphere", "900,0,0,1"),
    ],
    ids=" ".join,
)
def test_crops_that_cannot_be_meant_are_exit_code_2(
    run: Run, ply: Path, words: tuple[str, ...]
) -> None:
    result = run("crop", ply, ply.parent / "out.ply", *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert not (ply.parent / "out.ply").exists()


def test_transform_scales_then_rotates_then_moves(run: Run, ply: Path, splats: Splats) -> None:
    out = ply.parent / "out.ply"
    words = ("--translate", "1,-2,0", "--rotate", "0,0,90", "--scale", "2")
    result = run("transform", ply, out, *words)
    assert result.exit_code == 0, result.output
    x, y, z = splats.means.T
    wanted = np.column_stack([-2 * y + 1, 2 * x - 2, 2 * z])
    np.testing.assert_allclose(read_ply(out).splats.means, wanted, atol=1e-5)


def test_transform_moves_cameras_along(run: Run, ply: Path, cameras: Path) -> None:
    folder = ply.parent / "moved"
    folder.mkdir()
    words = ("--rotate", "30,40,50", "--translate", "-5,0,3", "--scale", "0.5")
    out = folder / "scene.ply"
    result = run("transform", ply, out, *words, "--cameras", cameras)
    assert result.exit_code == 0, result.output
    assert "12 cameras moved along" in result.stderr
    pictures = []
    for scene, views in ((ply, cameras), (out, folder / "cameras.json")):
        target = scene.parent / "pictures"
        result = run("render", scene, "-o", target, "--cameras", views)
        assert result.exit_code == 0, result.output
        pictures.append([read_image(path) for path in sorted(target.iterdir())])
    before, after = np.array(pictures)
    assert len(before) == 3
    assert float(before.std()) > 0.1
    assert float(np.abs(after - before).max()) < 1.5 / 255  # one step of a byte, here and there


@pytest.mark.parametrize(
    "words",
    [("--scale", "0"), ("--scale", "nan"), ("--rotate", "90"), ("--translate", "1,2,inf")],
    ids=" ".join,
)
def test_motions_that_cannot_be_meant_are_exit_code_2(
    run: Run, ply: Path, words: tuple[str, ...]
) -> None:
    result = run("transform", ply, ply.parent / "out.ply", *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["merge", "crop", "transform"])
def test_inputs_and_existing_outputs_are_kept(run: Run, ply: Path, command: str) -> None:
    before = ply.read_bytes()
    output = ("-o", ply) if command == "merge" else (ply,)
    test = ("--min-opacity", "0.1") if command == "crop" else ()
    result = run(command, ply, *output, *test, "--force")
    assert result.exit_code == 2
    assert "the output is the input" in result.stderr
    assert ply.read_bytes() == before


def test_a_mip_scene_is_cropped_into_a_plain_format_on_demand(
    run: Run, splats: Splats, tmp_path: Path
) -> None:
    write_ply(tmp_path / "mip.ply", replace(splats, model="mip"))
    words = ("crop", tmp_path / "mip.ply", tmp_path / "a.splat", "--min-opacity", "0.1")
    assert run(*words).exit_code == 3
    result = run(*words, "--plain")
    assert result.exit_code == 0
    assert "lost: the file does not say: antialiased" in result.stderr
    assert read_scene(tmp_path / "a.splat").n > 0

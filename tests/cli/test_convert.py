# SPDX-License-Identifier: Apache-2.0
"""flexgs convert, and other tools' files in the commands that read scenes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.io import read_ply, write_ply
from flexgs.io.formats.table import find_format, scene_formats
from flexgs.scenes import read_scene
from tests.cli.conftest import Run

WRITTEN = [name for name in scene_formats if scene_formats.get(name).encoders]
OUTPUTS = {
    "out.ply": "ply",
    "out.compressed.ply": "compressed-ply",
    "out.splat": "splat",
    "out.ksplat": "ksplat",
    "out.spz": "spz",
    "out.sog": "sog",
    "out.glb": "glb",
    "out.fgs": "fgs",
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_scene_goes_to_every_format_and_back(run: Run, ply: Path, name: str) -> None:
    out, back = ply.parent / name, ply.parent / "back.ply"
    result = run("convert", ply, out, "--json")
    assert result.exit_code == 0, result.output
    done = json.loads(result.stdout)
    assert done["source_format"] == "ply"
    assert done["output_format"] == OUTPUTS[name] == find_format(out).name
    assert done["output_bytes"] == out.stat().st_size
    assert done["gaussians"] == 300
    assert run("convert", out, back).exit_code == 0
    original, found = read_ply(ply).splats, read_ply(back).splats
    assert found.n == original.n
    assert found.degree == done["sh_degree"]
    assert found.means.mean(axis=0) == pytest.approx(original.means.mean(axis=0), abs=2e-3)


def test_a_ply_comes_back_bit_by_bit(run: Run, ply: Path) -> None:
    out = ply.parent / "again.ply"
    assert run("convert", ply, out).exit_code == 0
    assert out.read_bytes() == ply.read_bytes()


def test_what_is_lost_is_said(run: Run, ply: Path) -> None:
    result = run("convert", ply, ply.parent / "a.splat")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "lost: spherical harmonics above degree 0 were dropped: 300 Gaussians" in result.stderr
    quiet = run("convert", ply, ply.parent / "b.splat", "--quiet", "--json")
    assert quiet.stderr == ""
    losses = {loss["what"]: loss["count"] for loss in json.loads(quiet.stdout)["losses"]}
    assert losses["spherical harmonics above degree 0 were dropped"] == 300


def test_a_variant_is_asked_for_by_name(run: Run, ply: Path) -> None:
    sizes = []
    for level in "012":
        out = ply.parent / f"{level}.ksplat"
        assert run("convert", ply, out, "--variant", level).exit_code == 0
        sizes.append(out.stat().st_size)
    assert sizes[0] > sizes[1] > sizes[2]
    result = run("convert", ply, ply.parent / "x.ksplat", "--variant", "7")
    assert result.exit_code == 2
    assert "0 | 1 | 2" in result.stderr
    assert not (ply.parent / "x.ksplat").exists()


def test_an_output_is_kept_without_force(run: Run, ply: Path) -> None:
    out = ply.parent / "a.spz"
    out.write_bytes(b"precious")
    result = run("convert", ply, out)
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert out.read_bytes() == b"precious"
    assert run("convert", ply, out, "--force").exit_code == 0
    assert find_format(out).name == "spz"


def test_the_input_is_never_overwritten(run: Run, ply: Path) -> None:
    before = ply.read_bytes()
    result = run("convert", ply, ply, "--force")
    assert result.exit_code == 2
    assert "the output is the input" in result.stderr
    assert ply.read_bytes() == before


def test_a_name_that_says_nothing_is_refused_before_any_work(run: Run, ply: Path) -> None:
    result = run("convert", ply.parent / "missing.ply", ply.parent / "a.jpg")
    assert result.exit_code == 2
    assert "no scene format" in result.stderr


def test_an_antialiased_scene_needs_a_word_for_a_format_without_one(
    run: Run, splats: Splats, tmp_path: Path
) -> None:
    source, out = tmp_path / "mip.ply", tmp_path / "a.splat"
    write_ply(source, replace(splats, model="mip"))
    result = run("convert", source, out)
    assert result.exit_code == 3
    assert "antialiased" in result.stderr
    assert "--plain" in result.stderr
    assert not out.exists()
    result = run("convert", source, out, "--plain")
    assert result.exit_code == 0
    assert "lost: the file does not say: antialiased" in result.stderr
    assert run("convert", source, tmp_path / "a.spz").exit_code == 0
    assert read_scene(tmp_path / "a.spz").model == "mip"


def test_bad_rows_are_left_out_on_demand(run: Run, splats: Splats, tmp_path: Path) -> None:
    means = splats.means.copy()
    means[3] = np.nan
    source, out = tmp_path / "bad.ply", tmp_path / "a.spz"
    write_ply(source, replace(splats, means=means))
    assert run("convert", source, out).exit_code == 3
    result = run("convert", source, out, "--drop-invalid")
    assert result.exit_code == 0
    assert "note: 1 invalid Gaussians dropped" in result.stderr
    assert read_scene(out).n == 299


@pytest.mark.parametrize("name", WRITTEN)
def test_all_formats_are_shown_verified_and_decompressed(run: Run, ply: Path, name: str) -> None:
    path = ply.parent / f"scene2{scene_formats.get(name).suffixes[0]}"
    assert run("convert", ply, path).exit_code == 0
    info = json.loads(run("info", path, "--json").stdout)
    assert info["kind"] == name
    assert info["gaussians"] == 300
    assert sum(info["bytes_by_attribute"].values()) == info["size_bytes"] == path.stat().st_size
    assert run("verify", path).exit_code == 0
    assert run("decompress", path, "-o", ply.parent / "plain.ply").exit_code == 0
    assert read_ply(ply.parent / "plain.ply").splats.n == 300


def test_another_format_is_evaluated(run: Run, ply: Path, cameras: Path) -> None:
    path = ply.parent / "b.compressed.ply"
    assert run("convert", ply, path).exit_code == 0
    result = run("evaluate", ply, path, "--cameras", cameras, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["psnr_renders"] > 40


def test_another_format_is_compressed(run: Run, ply: Path, cameras: Path) -> None:
    path, out = ply.parent / "c.spz", ply.parent / "c.fgs"
    assert run("convert", ply, path).exit_code == 0
    options = ("--pruning-rate", "0.3", "--sh-rate", "0.5", "--report-views", "none")
    result = run("compress", path, "-o", out, "--cameras", cameras, *options)
    assert result.exit_code == 0, result.stderr
    assert read_scene(out).n == 210


def test_only_streamed_scenes_have_levels_of_detail(run: Run, ply: Path) -> None:
    result = run("convert", ply, ply.parent / "a.spz", "--level", "2")
    assert result.exit_code == 2
    assert "no levels of detail" in result.stderr


def test_a_coarser_level_of_a_streamed_scene_is_smaller(
    run: Run, data_dir: Path, tmp_path: Path
) -> None:
    scene = data_dir / "formats" / "flowers-streamed-sog"
    if not scene.is_dir():
        pytest.skip("no streamed scene here (set FLEXGS_DATA to the folder that holds it)")
    counts = []
    for level in ("1", "3"):
        result = run("convert", scene, tmp_path / f"{level}.splat", "--level", level, "--json")
        assert result.exit_code == 0, result.stderr
        counts.append(json.loads(result.stdout)["gaussians"])
    assert counts[0] > counts[1] > 0


def test_the_frame_of_an_spz_can_be_said(run: Run, ply: Path) -> None:
    out, back, turned = (ply.parent / name for name in ("a.spz", "back.ply", "turned.ply"))
    assert run("convert", ply, out).exit_code == 0
    assert run("convert", out, back).exit_code == 0
    assert run("convert", out, turned, "--frame", "RUB").exit_code == 0
    as_written, found = read_ply(back).splats, read_ply(turned).splats
    assert found.means == pytest.approx(as_written.means * [1, -1, -1])
    assert found.sh[:, 1:4] == pytest.approx(as_written.sh[:, 1:4] * [[-1], [-1], [1]])
    unknown = run("convert", out, ply.parent / "x.ply", "--frame", "RUX")
    assert (unknown.exit_code, "RUB" in unknown.stderr) == (2, True)
    known = run("convert", ply, ply.parent / "x.ply", "--frame", "RUB")
    assert (known.exit_code, "ply files are known" in known.stderr) == (2, True)
    assert not (ply.parent / "x.ply").exists()


def test_antialiased_scenes_fit_into_spz_inside_glb(run: Run, ply: Path) -> None:
    mip = ply.parent / "mip.ply"
    write_ply(mip, replace(read_ply(ply).splats, model="mip"))
    out = ply.parent / "mip.glb"
    assert run("convert", mip, out).exit_code == 3
    assert run("convert", mip, out, "--variant", "spz").exit_code == 0
    assert read_scene(out).model == "mip"


def test_a_streamed_sog_is_written_and_read_level_by_level(
    run: Run, ply: Path, cameras: Path
) -> None:
    cameras.rename(ply.parent / "cameras.json")
    out = ply.parent / "streamed" / "lod-meta.json"
    result = run("convert", ply, out, "--lod", "0.5,0.1", "--json")
    assert result.exit_code == 0, result.output
    done = json.loads(result.stdout)
    assert done["output_bytes"] == sum(f.stat().st_size for f in out.parent.rglob("*.*"))
    assert find_format(out).name == find_format(out.parent).name == done["output_format"] == "sog"
    for level, count in enumerate((300, 150, 30)):
        back = ply.parent / f"{level}.ply"
        assert run("convert", out.parent, back, "--level", level).exit_code == 0
        assert read_ply(back).splats.n == count
    again = run("convert", ply, out)
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    assert run("convert", ply, out, "--force", "--lod", "").exit_code == 0
    assert json.loads(out.read_text())["counts"] == [300]


def test_a_streamed_sog_takes_the_place_of_nothing_else(run: Run, ply: Path) -> None:
    folder = ply.parent / "mine"
    folder.mkdir()
    (folder / "note.txt").write_text("keep")
    for out, words in (
        (folder / "lod-meta.json", "other things"),
        (Path("lod-meta.json"), "folder of its own"),
        (ply.parent / "no" / "s" / "lod-meta.json", "does not exist"),
    ):
        result = run("convert", ply, out, "--force")
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert [each.name for each in folder.iterdir()] == ["note.txt"]
    for shares, words in (("0.5,0.6", "coarser"), ("1", "coarser"), ("a", "not shares")):
        result = run("convert", ply, ply.parent / "s" / "lod-meta.json", "--lod", shares)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    result = run("convert", ply, ply.parent / "x.sog", "--lod", "0.5")
    assert (result.exit_code, "streamed SOG" in result.stderr) == (2, True)
    assert not (ply.parent / "s").exists()

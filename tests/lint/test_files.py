# SPDX-License-Identifier: Apache-2.0
"""What an inspection says about files: columns, variants, axes, other formats."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import flexgs
from flexgs.core import Splats
from flexgs.errors import FormatError, UsageError
from flexgs.io import write_ply
from flexgs.io.formats.spz.layout import COORDINATES, FRAMES
from flexgs.lint import Outcome, inspect
from flexgs.lint.outcomes import SLOW, choose_formats, written_formats
from tests.lint.conftest import Spoil

VARIANTS = {
    "a.ply": "binary little endian",
    "a.compressed.ply": "ranges of 18 numbers",
    "a.ksplat": "level 0",
    "a.splat": "",
    "a.spz": "version 3",
    "a.sog": "version 2",
    "a.glb": "plain",
    "a.fgs": "",
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_format_is_inspected(splats: Splats, tmp_path: Path, name: str) -> None:
    flexgs.write_scene(splats, tmp_path / name)
    found = flexgs.inspect(tmp_path / name, formats="none")
    assert found.gaussians == 400
    assert found.variant == VARIANTS[name]
    assert found.count("error") == 0
    assert found.axes == ("y up" if name == "a.glb" else "")
    assert [f.code for f in found.findings] == (["axes"] if name == "a.spz" else [])


def test_a_file_that_says_its_axes_is_believed(splats: Splats, tmp_path: Path) -> None:
    flexgs.write_scene(splats, tmp_path / "a.spz")
    data = bytearray(zlib.decompress((tmp_path / "a.spz").read_bytes(), 31))
    data[14] |= 2  # it has extensions
    data += struct.pack("<III", COORDINATES, 4, FRAMES.index("RUB"))
    (tmp_path / "b.spz").write_bytes(gzip.compress(bytes(data)))
    found = inspect(tmp_path / "b.spz", formats="none")
    assert found.axes == "RUB"
    assert found.findings == ()


def outcomes(path: Path, formats: str = "all") -> dict[str, Outcome]:
    return {outcome.format: outcome for outcome in inspect(path, formats=formats).outcomes}


def test_what_other_formats_would_lose_is_what_they_lose(splats: Splats, tmp_path: Path) -> None:
    means = splats.means.copy()
    means[7] = [0, 9e6, 0]
    bright = splats.sh.copy()
    bright[:9, 0] = 4
    source = tmp_path / "scene.ply"
    write_ply(source, replace(splats, means=means, sh=bright))
    found = outcomes(source)
    assert sorted(found) == written_formats()
    for name, outcome in found.items():
        suffix = {"compressed-ply": "compressed.ply"}.get(name, name)
        done = flexgs.convert(source, tmp_path / f"out.{suffix}")
        assert done.losses == outcome.losses, name
        assert done.sh_degree == outcome.sh_degree
        assert outcome.tried
        if name == "fgs":
            assert outcome.size_bytes is None
        else:
            assert done.output_bytes == outcome.size_bytes, name
    assert any("degree 0" in loss.what for loss in found["splat"].losses)
    assert any("positions" in loss.what for loss in found["spz"].losses)


def test_formats_that_are_not_tried_are_still_asked_for_their_degree(spoil: Spoil) -> None:
    found = {outcome.format: outcome for outcome in spoil("ksplat").outcomes}
    assert found["ksplat"].tried
    assert found["ksplat"].size_bytes
    assert not found["splat"].tried
    assert found["splat"].size_bytes is None
    assert "degree 0" in found["splat"].losses[0].what


def test_only_usable_gaussians_count_for_other_formats(spoil: Spoil) -> None:
    found = {o.format: o for o in spoil("splat", means=([1, 2], np.nan)).outcomes}
    assert found["splat"].size_bytes == 398 * 32


def test_formats_that_cannot_say_the_model_refuse_it(splats: Splats, tmp_path: Path) -> None:
    write_ply(tmp_path / "mip.ply", replace(splats, model="mip"))
    found = outcomes(tmp_path / "mip.ply", "quick")
    assert {name for name, o in found.items() if o.refused} == {"splat", "ksplat", "glb"}
    assert "antialiased" in (found["splat"].refused or "")
    assert inspect(tmp_path / "mip.ply", formats="none").model == "mip"


def test_formats_are_chosen_by_name() -> None:
    assert set(choose_formats("all")) - set(choose_formats("quick")) == set(SLOW)
    assert choose_formats("none") == ()
    assert choose_formats("spz, sog") == ("spz", "sog")
    with pytest.raises(UsageError, match="no such format to try"):
        choose_formats("spz,png")


def ply_text(splats: Splats, count: int = 3) -> str:
    """A text .ply with a column, a comment and an element that no scene has."""
    names = ["x", "y", "z", "confidence", *(f"f_dc_{i}" for i in range(3)), "opacity"]
    names += [*(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]
    lines = ["ply", "format ascii 1.0", "comment by hand", f"element vertex {count}"]
    lines += [f"property {'double' if name in 'xyz' else 'float'} {name}" for name in names]
    lines += ["element sensor 1", "property int id", "end_header"]
    for i in range(count):
        s = splats.select(slice(i, i + 1))
        row = [*s.means[0], 0.5, *s.sh[0, 0], s.opacity_logits[0], *s.log_scales[0], *s.quats[0]]
        lines.append(" ".join(f"{value:.9g}" for value in row))
    return "\n".join([*lines, "7", ""])


def test_columns_of_a_ply_are_listed_and_judged(splats: Splats, tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    path.write_text(ply_text(splats))
    found = inspect(path, formats="none")
    columns = {(c.element, c.name): c for c in found.columns}
    assert columns["vertex", "x"].type == "float64"
    assert columns["vertex", "opacity"].used
    assert not columns["vertex", "confidence"].used
    assert not columns["sensor", "id"].used
    assert found.comments == ("by hand",)
    texts = {f.code: f.what for f in found.findings}
    assert set(texts) == {"extra-columns", "column-types", "encoding"}
    assert "confidence, id" in texts["extra-columns"]
    assert "3 columns of float64" in texts["column-types"]


def test_what_is_no_scene_is_the_usual_error(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(FormatError, match="Git LFS pointer"):
        inspect(tmp_path / "a.ply")
    with pytest.raises(UsageError, match="no such file"):
        inspect(tmp_path / "b.ply")


def test_a_scene_without_gaussians_is_an_error_to_find(splats: Splats, tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", splats.select(slice(0, 0)))
    found = inspect(tmp_path / "a.ply")
    assert [(f.severity, f.code) for f in found.findings] == [("error", "empty")]
    assert found.outcomes == ()


def test_whatever_the_numbers_are_there_is_an_answer(splats: Splats, tmp_path: Path) -> None:
    path = tmp_path / "a.splat"
    flexgs.write_scene(splats.select(slice(0, 30)), path)
    data = path.read_bytes()
    rng = np.random.default_rng(4)
    odd = np.float32([np.nan, np.inf, -np.inf, 1e38, -1e30, 1e-40, 0, 7])
    codes = set()
    for _ in range(100):
        rows = np.frombuffer(data, np.float32).copy()
        rows[rng.integers(0, len(rows), 20)] = rng.choice(odd, 20)
        path.write_bytes(rows.tobytes())
        codes |= {finding.code for finding in inspect(path, formats="none").findings}
    assert {"nan", "infinite", "out-of-range"} <= codes

# SPDX-License-Identifier: Apache-2.0
"""Every format that is read and written: found by content, and a scene survives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.errors import FormatError, SceneError, UsageError
from flexgs.io.formats.fit import encode_scene
from flexgs.io.formats.table import find_format, format_of_name, scene_formats
from flexgs.scenes import open_scene, write_scene

Make = Callable[..., Splats]
WRITTEN = [name for name in scene_formats if scene_formats.get(name).encoders]
VARIANTS = [(name, variant) for name in WRITTEN for variant in scene_formats.get(name).encoders]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
@pytest.mark.parametrize("called", ["scene", "scene.ply", "scene.dat", "scene.splat"])
def test_content_decides_what_a_file_is(
    tmp_path: Path, random_splats: Make, name: str, variant: str, called: str
) -> None:
    entry = scene_formats.get(name)
    encoded = encode_scene(random_splats(50), entry, variant=variant)
    (tmp_path / called).write_bytes(encoded.data)
    assert find_format(tmp_path / called).name == name


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 255, 256, 257])
def test_a_scene_of_any_size_and_degree_comes_back(
    tmp_path: Path, random_splats: Make, name: str, degree: int, n: int
) -> None:
    entry = scene_formats.get(name)
    path = tmp_path / f"scene{entry.suffixes[0]}"
    losses = write_scene(random_splats(n, degree), path)
    found = open_scene(path).splats
    assert found.n == n
    assert found.degree == min(degree, entry.max_degree)
    dropped = [loss for loss in losses if "spherical harmonics above" in loss.what]
    assert [loss.count for loss in dropped] == ([n] if degree > entry.max_degree else [])


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_variant_is_what_is_written(
    tmp_path: Path, random_splats: Make, name: str, variant: str
) -> None:
    entry = scene_formats.get(name)
    path = tmp_path / f"scene{entry.suffixes[0]}"
    write_scene(random_splats(30), path, variant=variant)
    assert path.read_bytes() == encode_scene(random_splats(30), entry, variant=variant).data
    assert open_scene(path).splats.n == 30


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_scene_gives_the_same_bytes(random_splats: Make, name: str) -> None:
    entry = scene_formats.get(name)
    splats = random_splats(600)
    assert encode_scene(splats, entry).data == encode_scene(splats, entry).data


@pytest.mark.parametrize("name", [*WRITTEN, "ply", "fgs"])
@pytest.mark.parametrize("model", ["mip", "2dgs"])
def test_a_model_is_carried_or_refused_with_words(
    tmp_path: Path, random_splats: Make, name: str, model: str
) -> None:
    entry = scene_formats.get(name)
    path = tmp_path / f"scene{entry.suffixes[0]}"
    splats = random_splats(20, 0, model)
    if model in entry.models:
        assert write_scene(splats, path, plain=True) == write_scene(splats, path, force=True)
        assert open_scene(path).splats.model == model
        return
    with pytest.raises(SceneError, match="cannot say so") as caught:
        write_scene(splats, path)
    assert caught.value.path == str(path)
    assert "--plain" in str(caught.value.hint)
    assert not path.exists()
    losses = write_scene(splats, path, plain=True)
    assert [loss.count for loss in losses if "does not say" in loss.what] == [20]
    assert open_scene(path).splats.model == "3dgs"


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize(
    ("field", "value"), [("means", np.nan), ("sh", np.inf), ("quats", 0), ("log_scales", 99)]
)
def test_values_that_no_gaussian_has_are_not_written(
    tmp_path: Path, random_splats: Make, name: str, field: str, value: float
) -> None:
    splats = random_splats(9, 0)
    values = getattr(splats, field).copy()
    values[3] = value
    path = tmp_path / f"scene{scene_formats.get(name).suffixes[0]}"
    with pytest.raises(SceneError, match=f"{field} of Gaussian 3"):
        write_scene(replace(splats, **{field: values}), path)
    assert not path.exists()


@pytest.mark.parametrize("name", [*WRITTEN, "ply", "fgs"])
def test_flat_scenes_of_images_are_not_for_viewers(tmp_path: Path, name: str) -> None:
    zeros = np.zeros
    image = Splats(zeros((2, 2)), zeros((2, 2)), np.ones((2, 4)), zeros(2), zeros((2, 1, 3)))
    path = tmp_path / f"scene{scene_formats.get(name).suffixes[0]}"
    with pytest.raises(SceneError, match="3-D"):
        write_scene(image, path)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("a.ply", "ply"),
        ("a.b.PLY", "ply"),
        ("a.compressed.ply", "compressed-ply"),
        ("A.Compressed.Ply", "compressed-ply"),
        ("a.splat", "splat"),
        ("a.ksplat", "ksplat"),
        ("a.spz", "spz"),
        ("a.sog", "sog"),
        ("a.glb", "glb"),
        ("a.fgs", "fgs"),
    ],
)
def test_an_output_is_what_its_name_says(called: str, name: str) -> None:
    assert format_of_name(called).name == name


def test_a_name_that_says_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no scene format") as caught:
        format_of_name("a.txt")
    assert ".ksplat" in str(caught.value.expected)


def test_an_unknown_variant_is_refused(tmp_path: Path, random_splats: Make) -> None:
    for name in ("a.ksplat", "a.splat", "a.ply", "a.fgs"):
        with pytest.raises(UsageError, match=r"no such variant|no variants"):
            write_scene(random_splats(3), tmp_path / name, variant="9")
    with pytest.raises(UsageError, match="read only"):
        write_scene(random_splats(3), tmp_path / "a.gltf")


def test_a_broken_file_is_judged_by_the_reader_that_its_name_asks_for(tmp_path: Path) -> None:
    (tmp_path / "a.splat").write_bytes(b"\1" * 33)
    with pytest.raises(FormatError, match="within a Gaussian"):
        open_scene(tmp_path / "a.splat")
    (tmp_path / "a.splat").write_bytes(b"<!doctype html>" + b" " * 17)
    with pytest.raises(FormatError, match="web page"):
        open_scene(tmp_path / "a.splat")


@pytest.mark.parametrize("filler", [b"\0", b"0", b" ", b"a", b"\xff", b"0123456789\n"])
def test_dull_files_are_not_scenes(tmp_path: Path, filler: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes((filler * 6400)[:6400])
    with pytest.raises(FormatError, match="no known"):
        find_format(path)


def test_a_gzip_of_something_else_is_named(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "a.spz").write_bytes(gzip.compress(b"ply\n"))
    with pytest.raises(FormatError, match="gzip"):
        find_format(tmp_path / "a.spz")


def test_folders_without_a_scene_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="folder without a scene"):
        find_format(tmp_path)

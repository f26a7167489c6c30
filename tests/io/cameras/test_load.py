# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from flexgs.errors import Corrupt, SceneError, UsageError
from flexgs.io import load_cameras
from flexgs.io.cameras.find import read_cfg_args
from flexgs.io.cameras.photos import PhotoFolder

SIZE = (64, 48)


def write_cameras_json(path: Path, names: tuple[str, ...] = ("a", "b", "c")) -> None:
    common = {"width": SIZE[0], "height": SIZE[1], "fx": 70, "fy": 70, "cx": 30, "cy": 20}
    pose = {"position": [0, 0, 0], "rotation": np.eye(3).tolist()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{"img_name": name, **common, **pose} for name in names]))


def write_colmap(folder: Path, names: tuple[str, ...] = ("a.jpg",)) -> None:
    folder.mkdir(parents=True)
    lens = struct.pack("<QiiQQ4d", 1, 1, 1, *SIZE, 70, 70, 30, 20)
    (folder / "cameras.bin").write_bytes(lens)
    shots = [
        struct.pack("<i7di", i, 1, 0, 0, 0, 0, 0, 0, 1) + name.encode() + b"\0" + bytes(8)
        for i, name in enumerate(names)
    ]
    (folder / "images.bin").write_bytes(struct.pack("<Q", len(names)) + b"".join(shots))


def write_photos(
    folder: Path, names: tuple[str, ...] = ("a.JPG", "b.JPG", "c.JPG"), size: tuple[int, int] = SIZE
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        PIL.Image.new("RGB", size).save(folder / name, format="JPEG")


def inria_scene(root: Path) -> Path:
    scene = root / "model" / "point_cloud" / "iteration_30000" / "point_cloud.ply"
    scene.parent.mkdir(parents=True)
    return scene


def test_nothing_beside_the_scene_gives_no_cameras(tmp_path: Path) -> None:
    found = load_cameras(None, None, tmp_path / "scene.ply")
    assert found.cameras == ()
    assert found.source == "none found"


def test_inria_layout_with_photographs_of_the_data_set(tmp_path: Path) -> None:
    scene = inria_scene(tmp_path)
    write_cameras_json(tmp_path / "model" / "cameras.json")
    write_photos(tmp_path / "data" / "images", size=(256, 192))
    write_photos(tmp_path / "data" / "images_4")
    source = f"Namespace(eval=True, images='images_4', source_path={str(tmp_path / 'data')!r})"
    (tmp_path / "model" / "cfg_args").write_text(source)
    found = load_cameras(None, None, scene)
    assert (found.source, found.photographs) == ("cameras.json", 3)
    assert found.cameras[0].image_path == tmp_path / "data" / "images_4" / "a.JPG"
    assert found.notes == ()


def test_the_folder_with_photographs_of_the_right_size_wins(tmp_path: Path) -> None:
    write_cameras_json(tmp_path / "cameras.json")
    write_photos(tmp_path / "images", size=(256, 192))
    write_photos(tmp_path / "images_4")
    found = load_cameras(None, None, tmp_path / "scene.ply")
    assert found.cameras[0].image_path == tmp_path / "images_4" / "a.JPG"


def test_cameras_of_the_data_set_serve_when_the_model_has_none(tmp_path: Path) -> None:
    scene = inria_scene(tmp_path)
    write_colmap(tmp_path / "data" / "sparse" / "0")
    write_photos(tmp_path / "data" / "images", ("a.jpg",))
    (tmp_path / "model" / "cfg_args").write_text(
        f'Namespace(source_path="{tmp_path / "data"}", sh_degree=3)'
    )
    found = load_cameras(None, None, scene)
    assert (found.source, found.photographs) == ("sparse/0", 1)


def test_colmap_layout_prefers_cameras_json(tmp_path: Path) -> None:
    write_colmap(tmp_path / "sparse" / "0")
    write_photos(tmp_path / "images", ("a.jpg",))
    scene = tmp_path / "scene.ply"
    assert load_cameras(None, None, scene).source == "sparse/0"
    assert load_cameras(None, None, scene).photographs == 1
    write_cameras_json(tmp_path / "cameras.json")
    assert load_cameras(None, None, scene).source == "cameras.json"


@pytest.mark.parametrize("name", [".", "sparse", "sparse/0", "sparse/0/images.bin"])
def test_cameras_may_be_named_by_any_of_their_folders(tmp_path: Path, name: str) -> None:
    write_colmap(tmp_path / "data" / "sparse" / "0")
    found = load_cameras(tmp_path / "data" / name, None, tmp_path / "scene.ply")
    assert [camera.name for camera in found.cameras] == ["a.jpg"]


def test_cfg_args_is_read_and_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = tmp_path / "cfg_args"
    path.write_text(f"__import__('pathlib').Path({str(trap)!r}).touch() or Namespace(images='x')")
    assert read_cfg_args(path) == {"images": "x"}
    assert not trap.exists()
    assert read_cfg_args(tmp_path / "missing") == {}


def test_named_images_override_those_found(tmp_path: Path) -> None:
    write_cameras_json(tmp_path / "cameras.json")
    write_photos(tmp_path / "images")
    write_photos(tmp_path / "mine", ("a.jpg", "b.jpg"))
    found = load_cameras(None, tmp_path / "mine", tmp_path / "scene.ply")
    assert found.photographs == 2
    assert found.notes == ("1 of 3 cameras have no photograph",)
    assert found.cameras[2].image_path is None


def test_what_is_named_must_be_there(tmp_path: Path) -> None:
    scene = tmp_path / "scene.ply"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="without cameras"):
        load_cameras(None, tmp_path / "empty", scene)
    with pytest.raises(UsageError, match="no cameras in this folder"):
        load_cameras(tmp_path / "empty", None, scene)
    with pytest.raises(UsageError, match="no such file"):
        load_cameras(tmp_path / "missing.json", None, scene)
    write_cameras_json(tmp_path / "cameras.json")
    with pytest.raises(UsageError, match="no such folder"):
        load_cameras(None, tmp_path / "missing", scene)
    with pytest.raises(SceneError, match="none of the cameras"):
        load_cameras(None, tmp_path / "empty", scene)


def test_a_file_without_cameras_is_an_error(tmp_path: Path) -> None:
    write_cameras_json(tmp_path / "cameras.json", ())
    with pytest.raises(SceneError, match="no camera"):
        load_cameras(None, None, tmp_path / "scene.ply")


@pytest.mark.parametrize("size", [(128, 96), (32, 24), (33, 24), (97, 73)])
def test_photographs_of_the_same_shape_rescale_the_camera(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    write_cameras_json(tmp_path / "cameras.json")
    write_photos(tmp_path / "images", size=size)
    camera = load_cameras(None, None, tmp_path / "scene.ply").cameras[0]
    sx, sy = size[0] / 64, size[1] / 48
    assert (camera.width, camera.height) == size
    found = (camera.fx, camera.fy, camera.cx, camera.cy)
    np.testing.assert_allclose(found, (70 * sx, 70 * sy, 30 * sx, 20 * sy))


@pytest.mark.parametrize("size", [(48, 64), (64, 40), (128, 128)])
def test_photographs_of_another_shape_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    write_cameras_json(tmp_path / "cameras.json")
    write_photos(tmp_path / "images", size=size)
    with pytest.raises(SceneError, match="shape of camera 'a'") as caught:
        load_cameras(None, None, tmp_path / "scene.ply")
    assert f"{size[0]}x{size[1]}" in str(caught.value)
    assert "64x48" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a", "a.JPG"),
        ("a.JPG", "a.JPG"),
        ("a.jpg", "a.png"),
        ("A", "a.jpeg"),
        ("frame.0001", "frame.0001.jpg"),
        ("left/a", "left/a.webp"),
        ("left/a.png", "a.jpg"),
        ("left\\a.png", "left/a.png"),
    ],
)
def test_photographs_are_found_with_and_without_extension(
    tmp_path: Path, name: str, file: str
) -> None:
    write_cameras_json(tmp_path / "cameras.json", (name,))
    photo = tmp_path / "images" / file
    photo.parent.mkdir(parents=True)
    PIL.Image.new("RGB", SIZE).save(photo)
    found = load_cameras(None, None, tmp_path / "scene.ply")
    assert found.cameras[0].image_path == photo


def test_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    write_photos(tmp_path, ("a.jpg",))
    (tmp_path / "images").mkdir()
    write_cameras_json(tmp_path / "cameras.json", ("../a.jpg",))
    with pytest.raises(Corrupt, match="out of its folder"):
        load_cameras(None, tmp_path / "images", tmp_path / "scene.ply")


def test_a_name_too_long_for_the_system_is_just_not_found(tmp_path: Path) -> None:
    assert PhotoFolder(tmp_path).find("x" * 5000 + ".jpg") is None


def test_broken_photographs_are_named(tmp_path: Path) -> None:
    write_cameras_json(tmp_path / "cameras.json")
    write_photos(tmp_path / "images")
    (tmp_path / "images" / "b.JPG").write_bytes(b"<html>")
    with pytest.raises(Corrupt) as caught:
        load_cameras(None, None, tmp_path / "scene.ply")
    assert caught.value.path == str(tmp_path / "images" / "b.JPG")


def test_cameras_of_one_name_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "cameras.json"
    write_cameras_json(path, ("a", "a", "b", "a (2)"))
    entries = json.loads(path.read_text())
    entries[1]["position"] = [1, 0, 0]
    path.write_text(json.dumps([*entries, entries[2]]))  # b stands twice
    write_photos(tmp_path / "images")
    found = load_cameras(None, None, tmp_path / "scene.ply")
    assert [camera.name for camera in found.cameras] == ["a", "a (3)", "b", "a (2)"]
    assert [camera.image_path for camera in found.cameras] == [
        *(None, None, tmp_path / "images" / "b.JPG", None)
    ]
    assert found.photographs == 1
    assert found.notes == (
        "1 cameras stood twice",
        "1 cameras had the name of another and were numbered",
        "2 cameras share photographs, which are not used",
        "3 of 4 cameras have no photograph",
    )


def test_views_of_two_folders_never_get_one_photograph(tmp_path: Path) -> None:
    write_cameras_json(tmp_path / "cameras.json", ("left/a", "right/a"))
    write_photos(tmp_path / "images")
    found = load_cameras(None, None, tmp_path / "scene.ply")
    assert [camera.image_path for camera in found.cameras] == [None, None]

# SPDX-License-Identifier: Apache-2.0
"""One camera, written in every format, is read as the same camera."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from flexgs.core import Camera
from flexgs.core.views import look_at
from flexgs.errors import Corrupt, FlexgsError, FormatError, SceneError, Truncated, Unsupported
from flexgs.io.cameras import read_cameras

POSE = look_at([1.0, -2.0, -3.0], [0.2, 0.1, 0.3], [0.0, -1.0, 0.0])
SIZE = (64, 48)
INTRINSICS = (70.0, 71.0, 31.5, 24.25)  # fx, fy, cx, cy


def quat_of(rotation: np.ndarray) -> list[float]:
    """w, x, y, z by the trace formula (w is not small for POSE)."""
    w = math.sqrt(1 + np.trace(rotation)) / 2
    differences = np.array([rotation[2, 1], rotation[0, 2], rotation[1, 0]])
    differences -= [rotation[1, 2], rotation[2, 0], rotation[0, 1]]
    return [w, *(differences / (4 * w))]


def inria_entry(**changes: Any) -> dict[str, Any]:
    to_world = np.linalg.inv(POSE)
    fx, fy, cx, cy = INTRINSICS
    entry = {"id": 0, "img_name": "left/a", "width": SIZE[0], "height": SIZE[1]}
    entry |= {"position": to_world[:3, 3].tolist(), "rotation": to_world[:3, :3].tolist()}
    return entry | {"fx": fx, "fy": fy, "cx": cx, "cy": cy} | changes


def write_inria(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps(entries or [inria_entry()]))
    return path


def colmap_pose() -> tuple[list[float], list[float]]:
    return quat_of(POSE[:3, :3]), POSE[:3, 3].tolist()


def write_colmap_binary(
    folder: Path, model: int = 1, numbers: tuple[float, ...] = INTRINSICS, points: int = 3
) -> Path:
    quat, translation = colmap_pose()
    lens = struct.pack("<QiiQQ", 1, 5, model, *SIZE) + struct.pack(f"<{len(numbers)}d", *numbers)
    shot = struct.pack("<Qi7di", 1, 9, *quat, *translation, 5) + b"left/a\0"
    shot += struct.pack("<Q", points) + b"\x01" * 24 * points
    (folder / "cameras.bin").write_bytes(lens)
    (folder / "images.bin").write_bytes(shot)
    (folder / "frames.bin").write_bytes(b"not ours to read")
    return folder


def write_colmap_text(folder: Path, lens: str = "PINHOLE", numbers: Any = INTRINSICS) -> Path:
    quat, translation = colmap_pose()
    values = " ".join(map(str, numbers))
    (folder / "cameras.txt").write_text(f"# cameras\n\n5 {lens} {SIZE[0]} {SIZE[1]} {values}\n")
    pose = " ".join(map(str, quat + translation))
    lines = ["# images", f"9 {pose} 5 left/a", "1.0 2.0 -1 " * 30_000]
    lines += [f"10 {pose} 5 left/b with space.jpg", "", f"11 {pose} 5 c"]
    (folder / "images.txt").write_text("\n".join(lines))
    return folder


def transforms(**changes: Any) -> dict[str, Any]:
    to_world = np.linalg.inv(POSE) @ np.diag([1.0, -1.0, -1.0, 1.0])
    fx, fy, cx, cy = INTRINSICS
    common = {"w": SIZE[0], "h": SIZE[1], "fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy}
    frame = {"file_path": "./left/a", "transform_matrix": to_world.tolist()}
    return common | {"frames": [frame]} | changes


def write_transforms(path: Path, **changes: Any) -> Path:
    table = {k: v for k, v in transforms(**changes).items() if v is not None}
    path.write_text(json.dumps(table))
    return path


def assert_the_camera(camera: Camera, name: str = "left/a") -> None:
    assert camera.name == name
    assert (camera.width, camera.height) == SIZE
    np.testing.assert_allclose((camera.fx, camera.fy, camera.cx, camera.cy), INTRINSICS)
    np.testing.assert_allclose(camera.world_to_camera, POSE, atol=1e-12)


def test_inria(tmp_path: Path) -> None:
    (camera,), notes = read_cameras(write_inria(tmp_path / "cameras.json"))
    assert_the_camera(camera)
    assert notes == ()


def test_inria_without_principal_point_takes_the_middle(tmp_path: Path) -> None:
    entry = inria_entry(cx=None)
    del entry["cy"]
    (camera,), _ = read_cameras(write_inria(tmp_path / "cameras.json", entry))
    assert (camera.cx, camera.cy) == (32.0, 24.0)


@pytest.mark.parametrize("where", [".", "cameras.bin", "images.bin"])
def test_colmap_binary(tmp_path: Path, where: str) -> None:
    write_colmap_binary(tmp_path)
    (camera,), _ = read_cameras(tmp_path / where)
    assert_the_camera(camera)


def test_colmap_text(tmp_path: Path) -> None:
    cameras, _ = read_cameras(write_colmap_text(tmp_path))
    assert [camera.name for camera in cameras] == ["left/a", "left/b with space.jpg", "c"]
    assert_the_camera(cameras[0])


@pytest.mark.parametrize(
    ("model", "name", "numbers"),
    [
        (0, "SIMPLE_PINHOLE", (70, 31.5, 24.25)),
        (2, "SIMPLE_RADIAL", (70, 31.5, 24.25, 0)),
        (3, "RADIAL", (70, 31.5, 24.25, 0, 0)),
        (4, "OPENCV", (*INTRINSICS, 0, 0, 0, 0)),
        (6, "FULL_OPENCV", (*INTRINSICS, *[0] * 8)),
    ],
)
def test_models_without_distortion_are_pinholes(
    tmp_path: Path, model: int, name: str, numbers: tuple[float, ...]
) -> None:
    for folder, write in (("bin", write_colmap_binary), ("txt", write_colmap_text)):
        (tmp_path / folder).mkdir()
        kind: Any = model if folder == "bin" else name
        cameras, _ = read_cameras(write(tmp_path / folder, kind, numbers))
        fy = 71 if "OPENCV" in name else 70
        found = cameras[0]
        assert (found.fx, found.fy, found.cx, found.cy) == (70, fy, 31.5, 24.25)


@pytest.mark.parametrize(
    ("model", "name", "numbers"),
    [
        (2, "SIMPLE_RADIAL", (70, 31.5, 24.25, 0.01)),
        (4, "OPENCV", (*INTRINSICS, 0, 0, 1e-5, 0)),
        (5, "OPENCV_FISHEYE", (*INTRINSICS, 0, 0, 0, 0)),
        (7, "FOV", (*INTRINSICS, 0.5)),
        (10, "THIN_PRISM_FISHEYE", (*INTRINSICS, *[0] * 8)),
    ],
)
def test_distortion_is_refused_with_the_way_out(
    tmp_path: Path, model: int, name: str, numbers: tuple[float, ...]
) -> None:
    with pytest.raises(SceneError, match="undistort first"):
        read_cameras(write_colmap_binary(tmp_path, model, numbers))
    (tmp_path / "images.bin").unlink()
    with pytest.raises(SceneError, match="undistort first"):
        read_cameras(write_colmap_text(tmp_path, name, numbers))


def test_unknown_models_are_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="unknown camera model"):
        read_cameras(write_colmap_binary(tmp_path, 99))
    (tmp_path / "images.bin").unlink()
    with pytest.raises(Unsupported, match="unknown camera model"):
        read_cameras(write_colmap_text(tmp_path, "HOLOGRAM"))


def test_two_d_points_cost_nothing(tmp_path: Path) -> None:
    write_colmap_binary(tmp_path, points=0)
    data = (tmp_path / "images.bin").read_bytes()
    with open(tmp_path / "images.bin", "wb") as file:  # 2.4 GB of points that take no disk
        file.write(data[:-8] + struct.pack("<Q", 100_000_000))
        file.truncate(len(data) + 24 * 100_000_000)
    (camera,), _ = read_cameras(tmp_path)
    assert_the_camera(camera)


@pytest.mark.parametrize("file", ["cameras.bin", "images.bin"])
def test_hostile_counts_are_bounded_by_the_file(tmp_path: Path, file: str) -> None:
    write_colmap_binary(tmp_path)
    path = tmp_path / file
    data = path.read_bytes()
    for count in (2, 10**6, 2**63, 2**64 - 1):
        path.write_bytes(struct.pack("<Q", count) + data[8:])
        with pytest.raises(Truncated):
            read_cameras(tmp_path)


@pytest.mark.parametrize("file", ["cameras.bin", "images.bin"])
def test_every_truncation_of_a_binary_file_is_refused(tmp_path: Path, file: str) -> None:
    write_colmap_binary(tmp_path)
    path = tmp_path / file
    data = path.read_bytes()
    for end in range(len(data)):
        path.unlink()
        path.write_bytes(data[:end])
        with pytest.raises(FormatError):
            read_cameras(tmp_path)
    path.write_bytes(data + b"\0")
    with pytest.raises(Corrupt, match="after the last"):
        read_cameras(tmp_path)


def test_an_image_needs_its_camera_and_a_rotation(tmp_path: Path) -> None:
    write_colmap_text(tmp_path)
    text = (tmp_path / "images.txt").read_text()
    (tmp_path / "images.txt").write_text(text.replace(" 5 left/a", " 6 left/a"))
    with pytest.raises(Corrupt, match="names a camera"):
        read_cameras(tmp_path)
    (tmp_path / "images.txt").write_text("1 0 0 0 0 1 2 3 5 a.jpg\n\n")
    with pytest.raises(Corrupt, match="no rotation"):
        read_cameras(tmp_path)


def test_nerfstudio(tmp_path: Path) -> None:
    (camera,), notes = read_cameras(write_transforms(tmp_path / "transforms.json"))
    assert_the_camera(camera)
    assert notes == ()


def test_nerfstudio_frames_override_the_common_values(tmp_path: Path) -> None:
    table = transforms()
    frame = table["frames"][0] | {"fl_x": 80, "w": 128, "h": 96}
    (camera,), notes = read_cameras(
        write_transforms(
            tmp_path / "transforms.json", frames=[frame], applied_transform=[[1, 0, 0, 0]]
        )
    )
    assert (camera.fx, camera.fy, camera.width, camera.height) == (80, 71, 128, 96)
    assert len(notes) == 1


def test_nerfstudio_by_angle_and_photograph(tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    PIL.Image.new("RGB", (40, 30)).save(tmp_path / "left" / "a.png")
    names = ("w", "h", "fl_x", "fl_y", "cx", "cy")
    (camera,), _ = read_cameras(
        write_transforms(
            tmp_path / "transforms.json", **dict.fromkeys(names), camera_angle_x=math.pi / 2
        )
    )
    assert (camera.width, camera.height, camera.cx, camera.cy) == (40, 30, 20, 15)
    np.testing.assert_allclose((camera.fx, camera.fy), (20, 20))
    assert camera.image_path == tmp_path / "left" / "a.png"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"k1": 0.1}, SceneError),
        ({"camera_model": "OPENCV_FISHEYE"}, SceneError),
        ({"w": None}, SceneError),
        ({"fl_x": None, "fl_y": None}, Corrupt),
        ({"fl_x": None, "fl_y": None, "camera_angle_x": 4}, Corrupt),
        ({"fl_x": "70"}, Corrupt),
        ({"fl_x": -70}, SceneError),
        ({"w": 1e12}, SceneError),
        ({"w": 64.5}, Corrupt),
        ({"w": True}, Corrupt),
        ({"frames": None}, Corrupt),
        ({"frames": {}}, Corrupt),
        ({"frames": [5]}, Corrupt),
        ({"frames": [{"file_path": "a"}]}, Corrupt),
        ({"frames": [{"file_path": "../a", "transform_matrix": np.eye(4).tolist()}]}, Corrupt),
        ({"frames": [{"file_path": "a", "transform_matrix": [[1, 2]] * 4}]}, Corrupt),
        ({"frames": [{"file_path": "a", "transform_matrix": [[1e300] * 4] * 4}]}, SceneError),
    ],
)
def test_bad_transforms_are_typed(
    tmp_path: Path, changes: dict[str, Any], error: type[FlexgsError]
) -> None:
    with pytest.raises(FlexgsError) as caught:
        read_cameras(write_transforms(tmp_path / "transforms.json", **changes))
    assert type(caught.value) is error
    assert caught.value.path == str(tmp_path / "transforms.json")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"width": 0}, SceneError),
        ({"height": "533"}, Corrupt),
        ({"fx": 0}, SceneError),
        ({"fx": 10**400}, Corrupt),
        ({"img_name": ""}, Corrupt),
        ({"img_name": 5}, Corrupt),
        ({"img_name": "\ud800"}, Corrupt),
        ({"position": [0, 0]}, Corrupt),
        ({"position": None}, Corrupt),
        ({"rotation": np.zeros((3, 3)).tolist()}, SceneError),
        ({"rotation": np.diag([1.0, 1, -1]).tolist()}, SceneError),
        ({"rotation": [[1, 0, 0], [0, 1, 0], [0, 0]]}, Corrupt),
        ({"rotation": [[1, 0, 0], [0, 1, 0], [0, 0, [1]]]}, Corrupt),
    ],
)
def test_bad_cameras_json_is_typed(
    tmp_path: Path, changes: dict[str, Any], error: type[FlexgsError]
) -> None:
    with pytest.raises(FlexgsError) as caught:
        read_cameras(write_inria(tmp_path / "cameras.json", inria_entry(**changes)))
    assert type(caught.value) is error
    assert caught.value.path == str(tmp_path / "cameras.json")


@pytest.mark.parametrize(
    "text",
    ["", "[", "[NaN]", "[Infinity]", '{"a": 1, "a": 2}', "[" * 100_000, "5", '"x"', "\xff", "null"],
)
def test_bad_json_is_corrupt(tmp_path: Path, text: str) -> None:
    (tmp_path / "cameras.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(Corrupt):
        read_cameras(tmp_path / "cameras.json")

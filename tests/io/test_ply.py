# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import filecmp
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from plyfile import PlyData, PlyElement

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.errors import FlexgsError, SceneError, UsageError
from flexgs.io import read_ply, write_ply

Make = Callable[..., Splats]
FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")


def table(splats: Splats) -> dict[str, np.ndarray]:
    """Columns by name, written down independently of flexgs/io/ply.py."""
    columns = {name: splats.means[:, i] for i, name in enumerate("xyz")}
    columns |= {f"f_dc_{c}": splats.sh[:, 0, c] for c in range(3)}
    per_channel = splats.sh.shape[1] - 1
    for c in range(3):
        for k in range(per_channel):
            columns[f"f_rest_{c * per_channel + k}"] = splats.sh[:, 1 + k, c]
    columns["opacity"] = splats.opacity_logits
    columns |= {f"scale_{i}": splats.log_scales[:, i] for i in range(3)}
    columns |= {f"rot_{i}": splats.quats[:, i] for i in range(4)}
    return columns


def save(
    path: Path,
    columns: dict[str, np.ndarray],
    kind: str = "f4",
    extra: tuple[PlyElement, ...] = (),
    **options: object,
) -> None:
    """Writes the columns with plyfile, the independent oracle."""
    rows = np.empty(len(columns["x"]), [(name, kind) for name in columns])
    for name, values in columns.items():
        rows[name] = values
    PlyData([PlyElement.describe(rows, "vertex"), *extra], **options).write(str(path))


def assert_equal(a: Splats, b: Splats, atol: float = 0) -> None:
    assert a.model == b.model
    for field in FIELDS:
        np.testing.assert_allclose(getattr(a, field), getattr(b, field), rtol=0, atol=atol)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("model", ["3dgs", "mip"])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_written_files_read_back_exactly(
    tmp_path: Path, random_splats: Make, degree: int, model: str, n: int
) -> None:
    splats = random_splats(n, degree, model)
    write_ply(tmp_path / "a.ply", splats)
    scene = read_ply(tmp_path / "a.ply")
    assert_equal(scene.splats, splats)
    assert scene.notes == ()


@pytest.mark.parametrize("degree", [0, 3])
def test_layout_is_inrias(tmp_path: Path, random_splats: Make, degree: int) -> None:
    splats = random_splats(5, degree)
    write_ply(tmp_path / "a.ply", splats)
    vertex = PlyData.read(str(tmp_path / "a.ply"))["vertex"].data
    rest = [f"f_rest_{i}" for i in range(3 * ((degree + 1) ** 2 - 1))]
    assert list(vertex.dtype.names or ()) == [
        *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", *rest, "opacity"),
        *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
    ]
    assert vertex.dtype.itemsize == 4 * (17 + len(rest))
    for name, values in table(splats).items():
        np.testing.assert_array_equal(vertex[name], values)
    assert not vertex["nx"].any()
    header = (tmp_path / "a.ply").read_bytes().split(b"end_header\n")[0]
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 5\n")


@pytest.mark.parametrize("options", [{"text": True}, {"byte_order": "<"}, {"byte_order": ">"}])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_every_encoding_and_float_type_is_read(
    tmp_path: Path, random_splats: Make, options: dict[str, object], kind: str
) -> None:
    splats = random_splats(300)
    save(tmp_path / "a.ply", table(splats), kind, **options)
    assert_equal(read_ply(tmp_path / "a.ply").splats, splats)


def test_blocks_join_without_a_seam(tmp_path: Path, random_splats: Make) -> None:
    splats = random_splats(9000, 1)
    save(tmp_path / "a.ply", table(splats), text=True)
    assert_equal(read_ply(tmp_path / "a.ply").splats, splats)
    save(tmp_path / "b.ply", table(splats))
    assert_equal(read_ply(tmp_path / "b.ply").splats, splats)


def test_integers_are_read_as_numbers(tmp_path: Path) -> None:
    splats = Splats(
        np.array([[1, 2, 3], [4, 5, 6]]),
        np.full((2, 3), -4),
        np.array([[1, 0, 0, 0], [0, 1, 0, 0]]),
        np.array([-2, 3]),
        np.ones((2, 1, 3)),
    )
    for kind in ("i1", "i2", "i4"):
        save(tmp_path / "a.ply", table(splats), kind)
        assert_equal(read_ply(tmp_path / "a.ply").splats, splats)


def test_columns_are_found_by_name(tmp_path: Path, random_splats: Make) -> None:
    splats = random_splats(6, 2)
    shuffled = dict(reversed(table(splats).items())) | {"red": np.zeros(6), "label": np.ones(6)}
    save(tmp_path / "a.ply", shuffled, comments=["made by hand", ""], obj_info=["x"])
    assert_equal(read_ply(tmp_path / "a.ply").splats, splats)


def test_windows_line_ends_are_read(tmp_path: Path, random_splats: Make) -> None:
    splats = random_splats(6)
    for text in (False, True):
        save(tmp_path / "a.ply", table(splats), text=text)
        head, body = (tmp_path / "a.ply").read_bytes().split(b"end_header\n")
        body = body.replace(b"\n", b"\r\n") if text else body
        (tmp_path / "b.ply").write_bytes(head.replace(b"\n", b"\r\n") + b"end_header\r\n" + body)
        assert_equal(read_ply(tmp_path / "b.ply").splats, splats)


@pytest.mark.parametrize("text", [False, True])
def test_elements_behind_the_vertices_are_ignored(
    tmp_path: Path, random_splats: Make, text: bool
) -> None:
    splats = random_splats(6)
    faces = np.empty(2, [("vertex_indices", "O")])
    faces["vertex_indices"] = [np.array([0, 1, 2], "i4"), np.array([1, 2], "i4")]
    plain = np.zeros(3, [("a", "f4"), ("b", "u1")])
    extra = (PlyElement.describe(plain, "plain"), PlyElement.describe(faces, "face"))
    save(tmp_path / "a.ply", table(splats), extra=extra, text=text)
    assert_equal(read_ply(tmp_path / "a.ply").splats, splats)


def test_2dgs_gets_a_flat_axis_and_loses_it_again(tmp_path: Path, random_splats: Make) -> None:
    columns = table(random_splats(6))
    del columns["scale_2"]
    save(tmp_path / "a.ply", columns)
    splats = read_ply(tmp_path / "a.ply").splats
    assert splats.model == "2dgs"
    assert (splats.log_scales[:, 2] < splats.log_scales[:, :2].min(axis=1) - 13).all()
    write_ply(tmp_path / "b.ply", splats)
    again = PlyData.read(str(tmp_path / "b.ply"))
    assert "scale_2" not in again["vertex"].data.dtype.names
    assert again.comments == ["SplatRenderMode: 2dgs"]
    assert_equal(read_ply(tmp_path / "b.ply").splats, splats)


def test_mip_splattings_filter_is_fused(tmp_path: Path, random_splats: Make) -> None:
    splats = random_splats(50)
    widths = np.random.default_rng(1).uniform(0, 0.1, 50).astype(np.float32)
    widths[0] = 0
    save(tmp_path / "a.ply", table(splats) | {"filter_3D": widths})
    scene = read_ply(tmp_path / "a.ply")
    variance = np.exp(2 * splats.log_scales.astype(np.float64))
    fused = variance + widths[:, None].astype(np.float64) ** 2
    alpha = sigmoid(splats.opacity_logits.astype(np.float64))
    alpha *= np.sqrt(variance.prod(axis=1) / fused.prod(axis=1))
    assert scene.splats.model == "mip"
    assert len(scene.notes) == 1
    np.testing.assert_allclose(scene.splats.log_scales, np.log(fused) / 2, rtol=1e-6)
    np.testing.assert_allclose(sigmoid(scene.splats.opacity_logits), alpha, rtol=2e-6)
    write_ply(tmp_path / "b.ply", scene.splats)
    assert_equal(read_ply(tmp_path / "b.ply").splats, scene.splats)


def test_fusing_keeps_opaque_gaussians_opaque(tmp_path: Path, random_splats: Make) -> None:
    columns = table(random_splats(4))
    columns["opacity"] = np.array([np.inf, 14.0, -30.0, 0.5], np.float32)
    save(tmp_path / "a.ply", columns | {"filter_3D": np.zeros(4)})
    splats = read_ply(tmp_path / "a.ply").splats
    np.testing.assert_allclose(splats.opacity_logits, [15, 14, -15, 0.5], rtol=1e-5)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_a_filter_must_be_a_width(tmp_path: Path, random_splats: Make, value: float) -> None:
    widths = np.full(4, 0.1)
    widths[2] = value
    save(tmp_path / "a.ply", table(random_splats(4)) | {"filter_3D": widths})
    with pytest.raises(SceneError, match="filter_3D of Gaussian 2"):
        read_ply(tmp_path / "a.ply")


@pytest.mark.parametrize(
    ("comments", "model"),
    [
        (["SplatRenderMode: mip"], "mip"),
        (["splatrendermode: MIP"], "mip"),
        (["antialiased 1"], "mip"),
        (["Antialiased 1", "SplatRenderMode: default"], "3dgs"),
        (["SplatRenderMode: 2dgs"], "2dgs"),
        (["antialiased 0"], "3dgs"),
        (["SplatRenderMode: unheard of"], "3dgs"),
        (["not antialiased 1"], "3dgs"),
    ],
)
def test_the_model_is_read_from_comments(
    tmp_path: Path, random_splats: Make, comments: list[str], model: str
) -> None:
    save(tmp_path / "a.ply", table(random_splats()), comments=comments)
    assert read_ply(tmp_path / "a.ply").splats.model == model


def test_writing_respects_what_is_there(tmp_path: Path, random_splats: Make) -> None:
    path = tmp_path / "a.ply"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match="exists"):
        write_ply(path, random_splats())
    with pytest.raises(UsageError, match="is the input"):
        write_ply(path, random_splats(), force=True, inputs=[path])
    assert path.read_bytes() == b"old"
    write_ply(path, random_splats(), force=True)
    assert read_ply(path).splats.n == 7


def test_a_full_disk_keeps_the_old_scene(
    tmp_path: Path, random_splats: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.ply"
    write_ply(path, random_splats(3))
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FlexgsError, match="No space left"):
        write_ply(path, random_splats(5), force=True)
    assert read_ply(path).splats.n == 3


def test_images_of_gaussians_are_no_ply(tmp_path: Path) -> None:
    flat = Splats(
        np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 4)), np.zeros(1), np.zeros((1, 1, 3))
    )
    with pytest.raises(SceneError, match="3-D"):
        write_ply(tmp_path / "a.ply", flat)
    assert list(tmp_path.iterdir()) == []


def test_bonsai_reads_and_writes_itself(bonsai: Path, tmp_path: Path) -> None:
    scene = read_ply(bonsai / "point_cloud.ply")
    assert (scene.splats.n, scene.splats.degree) == (279_678, 3)
    assert scene.notes == ("48 opacity logits clamped to +-15",)
    write_ply(tmp_path / "a.ply", scene.splats)
    source = PlyData.read(str(bonsai / "point_cloud.ply"))["vertex"].data
    written = PlyData.read(str(tmp_path / "a.ply"))["vertex"].data
    assert written.dtype == source.dtype
    for name in source.dtype.names or ():
        limit = 15 if name == "opacity" else np.inf
        np.testing.assert_array_equal(written[name], np.clip(source[name], -limit, limit))
    write_ply(tmp_path / "b.ply", read_ply(tmp_path / "a.ply").splats)
    assert filecmp.cmp(tmp_path / "a.ply", tmp_path / "b.ply", shallow=False)

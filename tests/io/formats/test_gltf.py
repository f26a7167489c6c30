# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.core.activations import sigmoid
from flexgs.core.rotations import quats_to_matrices
from flexgs.core.transforms import place
from flexgs.errors import (
    Corrupt,
    FormatError,
    SceneError,
    TooLarge,
    Truncated,
    Unsupported,
)
from flexgs.io.formats.gltf import read_glb, read_gltf, write_glb
from flexgs.io.formats.spz import read_spz
from flexgs.limits import Limits

Make = Callable[..., Splats]
Table = dict[str, Any]

SPLATTING = "KHR_gaussian_splatting"
SPZ = "KHR_gaussian_splatting_compression_spz_2"


def split(data: bytes) -> tuple[Table, bytes]:
    """JSON and binary chunk, from the description of .glb alone."""
    magic, version, total, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    assert length % 4 == 0
    binary, kind = struct.unpack_from("<I4s", data, 20 + length)
    assert (binary, kind) == (len(data) - 28 - length, b"BIN\0")
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def join(table: Table, binary: bytes | None) -> bytes:
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary is not None:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def changed(data: bytes, change: Callable[[Table], object]) -> bytes:
    table, binary = split(data)
    change(table)
    return join(table, binary)


def primitive_of(table: Table) -> Table:
    return table["meshes"][0]["primitives"][0]


def covariances(splats: Splats) -> np.ndarray:
    turned = quats_to_matrices(splats.quats.astype(np.float64)) * np.exp(splats.log_scales)[:, None]
    return turned @ turned.transpose(0, 2, 1)


def assert_same_scene(a: Splats, b: Splats, atol: float = 1e-5) -> None:
    assert (a.n, a.degree) == (b.n, b.degree)
    np.testing.assert_allclose(a.means, b.means, atol=atol)
    np.testing.assert_allclose(covariances(a), covariances(b), atol=atol)
    np.testing.assert_allclose(sigmoid(a.opacity_logits), sigmoid(b.opacity_logits), atol=1e-6)
    np.testing.assert_allclose(a.sh, b.sh, atol=atol)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 255, 257])
def test_round_trips_keep_float32(random_splats: Make, degree: int, n: int) -> None:
    before = random_splats(n, degree)
    encoded = write_glb(before)
    assert encoded.losses == ()
    read = read_glb(encoded.data)
    assert read.notes == ()
    assert_same_scene(read.splats, before, 2e-6)
    assert np.array_equal(read.splats.means, before.means)
    assert np.array_equal(read.splats.sh, before.sh)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 255, 257])
def test_spz_inside_keeps_what_spz_does(random_splats: Make, degree: int, n: int) -> None:
    before = random_splats(n, degree)
    read = read_glb(write_glb(before, spz=True).data).splats
    assert (read.n, read.degree) == (n, degree)
    for axis in range(3):
        error = np.sort(read.means[:, axis]) - np.sort(before.means[:, axis])
        small = np.exp(np.quantile(np.median(before.log_scales, axis=1), 0.1))
        assert np.abs(error).max() <= small / 16 + 1e-6
    difference = read.sh.mean(axis=0) - before.sh.mean(axis=0)
    assert np.abs(difference).max() < 0.05


def test_spz_inside_has_the_frame_that_spz_demands(random_splats: Make) -> None:
    before = random_splats(1, 0)
    table, binary = split(write_glb(before, spz=True).data)
    assert table["extensionsRequired"] == [SPLATTING, SPZ]
    view = table["bufferViews"][0]
    stored = read_spz(binary[: view["byteLength"]]).splats
    np.testing.assert_allclose(stored.means[0], before.means[0] * [1, -1, -1], atol=1e-2)
    for accessor in table["accessors"]:
        assert "bufferView" not in accessor
        assert accessor["count"] == 1


@pytest.mark.parametrize("spz", [False, True])
def test_antialiased_is_said_by_spz_only(random_splats: Make, spz: bool) -> None:
    data = write_glb(random_splats(3, 0, "mip"), spz).data
    assert read_glb(data).splats.model == ("mip" if spz else "3dgs")


def test_attributes_are_those_of_the_description(random_splats: Make) -> None:
    before = random_splats(1, 1)
    table, binary = split(write_glb(before).data)

    def numbers(name: str) -> tuple[float, ...]:
        accessor = table["accessors"][primitive_of(table)["attributes"][name]]
        view = table["bufferViews"][accessor["bufferView"]]
        count = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        kind = {5126: "f", 5121: "B"}[accessor["componentType"]]
        return struct.unpack_from(f"<{count}{kind}", binary, view["byteOffset"])

    assert table["extensionsUsed"] == [SPLATTING]
    assert primitive_of(table)["mode"] == 0
    assert primitive_of(table)["extensions"][SPLATTING]["kernel"] == "ellipse"
    x, y, z = before.means[0]
    assert numbers("POSITION") == (-x, -y, z)  # left, up, front
    accessor = table["accessors"][primitive_of(table)["attributes"]["POSITION"]]
    assert accessor["min"] == accessor["max"] == list(numbers("POSITION"))
    np.testing.assert_allclose(numbers(f"{SPLATTING}:SCALE"), np.exp(before.log_scales[0]), 1e-6)
    (opacity,) = numbers(f"{SPLATTING}:OPACITY")
    assert opacity == pytest.approx(float(sigmoid(before.opacity_logits)[0]))
    w, qx, qy, qz = before.quats[0] / np.linalg.norm(before.quats[0])
    np.testing.assert_allclose(numbers(f"{SPLATTING}:ROTATION"), (-qx, -qy, qz, w), atol=1e-6)
    assert numbers(f"{SPLATTING}:SH_DEGREE_0_COEF_0") == tuple(before.sh[0, 0])
    # y, z and x: x and y changed their signs
    assert numbers(f"{SPLATTING}:SH_DEGREE_1_COEF_0") == tuple(-before.sh[0, 1])
    assert numbers(f"{SPLATTING}:SH_DEGREE_1_COEF_1") == tuple(before.sh[0, 2])
    assert numbers(f"{SPLATTING}:SH_DEGREE_1_COEF_2") == tuple(-before.sh[0, 3])
    shown = np.clip(0.5 + 0.28209479177387814 * before.sh[0, 0], 0, 1)
    np.testing.assert_allclose(numbers("COLOR_0"), np.rint(255 * np.append(shown, opacity)))


# Where the nodes put it

TURN = {"rotation": [0, 0, np.sqrt(0.5), np.sqrt(0.5)]}  # a quarter about z: x to y
MOVED = {"translation": [1, 2, 3], "scale": [2, 2, 2], **TURN}


@pytest.mark.parametrize("spz", [False, True])
def test_nodes_place_gaussians(random_splats: Make, spz: bool) -> None:
    data = write_glb(random_splats(9, 3), spz).data
    plain = read_glb(data).splats

    def change(table: Table) -> None:
        table["nodes"] = [{"children": [1], **MOVED}, {"mesh": 0, "translation": [0.5, 0, 0]}]

    read = read_glb(changed(data, change)).splats
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    flip = np.diag([-1.0, -1, 1])
    # glTF's frame: 2 R (p + (0.5, 0, 0)) + (1, 2, 3)
    shift = flip @ (2 * quarter @ [0.5, 0, 0] + [1, 2, 3])
    assert_same_scene(read, place(plain, flip @ quarter @ flip, 2.0, shift), 1e-4)


def test_a_matrix_is_column_by_column(random_splats: Make) -> None:
    data = write_glb(random_splats(5, 1)).data
    columns = [0, 2, 0, 0, -2, 0, 0, 0, 0, 0, 2, 0, 1, 2, 3, 1]
    by_parts = read_glb(changed(data, lambda t: t.update(nodes=[{"mesh": 0, **MOVED}]))).splats
    by_matrix = changed(data, lambda t: t.update(nodes=[{"mesh": 0, "matrix": columns}]))
    assert_same_scene(read_glb(by_matrix).splats, by_parts, 1e-5)


def test_a_mesh_shown_twice_is_there_twice(random_splats: Make) -> None:
    def change(table: Table) -> None:
        table["nodes"] = [{"mesh": 0}, {"mesh": 0, "translation": [0, 0, 5]}, {"mesh": 0}]
        table["scenes"] = [{"nodes": [1]}, {"nodes": [0, 1]}]
        table["scene"] = 1

    before = random_splats(4, 2)
    read = read_glb(changed(write_glb(before).data, change)).splats
    assert_same_scene(read.select(slice(0, 4)), before)
    np.testing.assert_allclose(read.means[4:], before.means + np.array([0, 0, 5]), atol=1e-6)


def test_without_a_scene_all_roots_count(random_splats: Make) -> None:
    def change(table: Table) -> None:
        del table["scene"], table["scenes"]
        table["nodes"] = [{"children": [1]}, {"mesh": 0}]

    before = random_splats(4, 0)
    assert_same_scene(read_glb(changed(write_glb(before).data, change)).splats, before)


def test_other_meshes_are_left_out_and_said(random_splats: Make) -> None:
    def change(table: Table) -> None:
        table["meshes"][0]["primitives"].append({"attributes": {"POSITION": 0}})

    before = random_splats(4, 0)
    read = read_glb(changed(write_glb(before).data, change))
    assert_same_scene(read.splats, before)
    assert read.notes == ("1 meshes without Gaussians left out",)
    linear = changed(
        write_glb(before).data,
        lambda t: primitive_of(t)["extensions"][SPLATTING].update(colorSpace="lin_rec709_display"),
    )
    assert "linear" in read_glb(linear).notes[0]


def test_degrees_may_differ_between_meshes(random_splats: Make) -> None:
    def change(table: Table) -> None:
        short = json.loads(json.dumps(primitive_of(table)))
        for name in list(short["attributes"]):
            if "SH_DEGREE_1" in name:
                del short["attributes"][name]
        table["meshes"][0]["primitives"].append(short)

    before = random_splats(4, 1)
    read = read_glb(changed(write_glb(before).data, change)).splats
    assert_same_scene(read.select(slice(0, 4)), before)
    assert not read.sh[4:, 1:].any()
    assert np.array_equal(read.sh[4:, 0], before.sh[:, 0])


# Other kinds of numbers


def stored_as(data: bytes, name: str, values: np.ndarray, code: int, normalized: bool) -> bytes:
    """The file with one attribute in another type, rows 16 bytes apart behind an offset of 4."""
    table, binary = split(data)
    rows = np.zeros((len(values), 16), np.uint8)
    rows[:, : values.itemsize * values.shape[1]] = np.ascontiguousarray(values).view(np.uint8)
    extra = b"\xee" * 4 + rows.tobytes()
    accessor = table["accessors"][primitive_of(table)["attributes"][name]]
    accessor.update(componentType=code, normalized=normalized, byteOffset=4)
    accessor["bufferView"] = len(table["bufferViews"])
    view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(extra), "byteStride": 16}
    table["bufferViews"].append(view)
    table["buffers"][0]["byteLength"] = len(binary) + len(extra)
    return join(table, binary + extra)


def test_integers_are_normalised(random_splats: Make) -> None:
    before = random_splats(6, 0)
    before = replace(before, quats=before.quats / np.linalg.norm(before.quats, axis=1)[:, None])
    data = write_glb(before).data
    xyzw = before.quats[:, [1, 2, 3, 0]] * [-1, -1, 1, 1]
    alphas = sigmoid(before.opacity_logits)[:, None]
    for code, kind, most in ((5120, "i1", 127), (5122, "<i2", 32767)):
        rotations = np.rint(xyzw * most).astype(kind)
        read = read_glb(stored_as(data, f"{SPLATTING}:ROTATION", rotations, code, True)).splats
        np.testing.assert_allclose(read.quats, before.quats, atol=0.51 / most)
    for code, kind, most in ((5121, "u1", 255), (5123, "<u2", 65535)):
        stored = np.rint(alphas * most).astype(kind)
        read = read_glb(stored_as(data, f"{SPLATTING}:OPACITY", stored, code, True)).splats
        np.testing.assert_allclose(sigmoid(read.opacity_logits), alphas[:, 0], atol=0.51 / most)
    scales = np.arange(1, 19, dtype="u1").reshape(6, 3)
    read = read_glb(stored_as(data, f"{SPLATTING}:SCALE", scales, 5121, False)).splats
    np.testing.assert_allclose(np.exp(read.log_scales), scales, rtol=1e-6)


# .gltf


@pytest.mark.parametrize("spz", [False, True])
def test_gltf_has_its_buffers_inside_or_beside(
    tmp_path: Path, random_splats: Make, spz: bool
) -> None:
    data = write_glb(random_splats(5, 1), spz).data
    table, binary = split(data)
    wanted = read_glb(data).splats
    (tmp_path / "my buffer.bin").write_bytes(binary)
    inside = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    for uri in ("my%20buffer.bin", inside):
        table["buffers"][0]["uri"] = uri
        (tmp_path / "a.gltf").write_text(json.dumps(table))
        assert_same_scene(read_gltf(tmp_path / "a.gltf").splats, wanted, 0)
    assert_same_scene(read_glb(join(table, None)).splats, wanted, 0)
    for uri in ("../x.bin", "/etc/passwd", "%2e%2e/x.bin", "C:\\x", "a\0b", "http://a/b"):
        table["buffers"][0]["uri"] = uri
        (tmp_path / "a.gltf").write_text(json.dumps(table))
        with pytest.raises((Corrupt, Truncated)):
            read_gltf(tmp_path / "a.gltf")
    with pytest.raises(Unsupported, match="other files"):
        read_glb(join(table, binary))


def test_what_no_glb_can_hold_is_refused(random_splats: Make) -> None:
    with pytest.raises(SceneError):
        write_glb(random_splats(0))
    flat = Splats(*(np.zeros(s) for s in ((1, 2), (1, 2), (1, 4), (1,), (1, 1, 3))))
    with pytest.raises(SceneError):
        write_glb(flat)


# Broken on purpose


def accessor_of(table: Table, name: str) -> Table:
    return table["accessors"][primitive_of(table)["attributes"][name]]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda t: t.update(extensionsRequired=["EXT_meshopt_compression"]), Unsupported),
        (lambda t: t.update(meshes=[]), Corrupt),
        (lambda t: t.update(meshes=7), Corrupt),
        (lambda t: t.update(nodes=[]), Corrupt),
        (lambda t: t.update(nodes=[{"mesh": 1}]), Corrupt),
        (lambda t: t.update(nodes=[{"mesh": -1}]), Corrupt),
        (lambda t: t.update(nodes=[{"mesh": 0, "children": [0]}]), Corrupt),
        (lambda t: t.update(nodes=[{"children": [1, 1]}, {"mesh": 0}]), Corrupt),
        (lambda t: t.update(nodes=[{"mesh": 0, "scale": [1, 2, 1]}]), Unsupported),
        (lambda t: t.update(nodes=[{"mesh": 0, "scale": [0, 0, 0]}]), Unsupported),
        (lambda t: t.update(nodes=[{"mesh": 0, "rotation": [0, 0, 0, 0]}]), Corrupt),
        (lambda t: t.update(nodes=[{"mesh": 0, "matrix": [0] * 15}]), Corrupt),
        (lambda t: t.update(nodes=[{"mesh": 0, "translation": [1e308] * 3}]), None),
        (lambda t: t.update(nodes=[{}] * 10_001), TooLarge),
        (
            lambda t: t.update(nodes=[{"mesh": 0}] * 257, scenes=[{"nodes": [*range(257)]}]),
            TooLarge,
        ),
        (lambda t: t.update(scene=1), Corrupt),
        (lambda t: t.update(buffers=[]), Corrupt),
        (lambda t: t["buffers"][0].update(byteLength=10**9), Truncated),
        (lambda t: t["bufferViews"][0].update(byteOffset=10**9), Corrupt),
        (lambda t: t["bufferViews"][0].update(byteLength=-1), Corrupt),
        (lambda t: t["bufferViews"][0].update(byteStride=3), Corrupt),
        (lambda t: t["bufferViews"][0].update(byteStride=10**9), Corrupt),
        (lambda t: primitive_of(t).update(attributes=[]), Corrupt),
        (lambda t: primitive_of(t)["attributes"].pop("POSITION"), Corrupt),
        (lambda t: primitive_of(t)["attributes"].pop(f"{SPLATTING}:SH_DEGREE_0_COEF_0"), Corrupt),
        (lambda t: primitive_of(t)["attributes"].pop(f"{SPLATTING}:SH_DEGREE_1_COEF_1"), Corrupt),
        (lambda t: primitive_of(t)["extensions"].clear(), Corrupt),
        (lambda t: primitive_of(t)["extensions"][SPLATTING].update(kernel="cube"), Unsupported),
        (
            lambda t: primitive_of(t)["extensions"][SPLATTING].update(
                extensions={SPZ: {"bufferView": 0}}
            ),
            Corrupt,
        ),
        (lambda t: accessor_of(t, "POSITION").update(count=2**40), Corrupt),
        (lambda t: accessor_of(t, "POSITION").update(count=2), Corrupt),
        (lambda t: accessor_of(t, "POSITION").update(type="VEC4"), Corrupt),
        (lambda t: accessor_of(t, "POSITION").update(componentType=5125), Corrupt),
        (lambda t: accessor_of(t, "POSITION").update(sparse={}), Unsupported),
        (lambda t: accessor_of(t, "POSITION").pop("bufferView"), Unsupported),
        (lambda t: accessor_of(t, f"{SPLATTING}:OPACITY").update(bufferView=0), Corrupt),
    ],
)
def test_broken_documents_are_named(
    random_splats: Make, change: Callable[[Table], object], error: type[FormatError] | None
) -> None:
    splats = replace(random_splats(3, 1), means=np.full((3, 3), 9.0))
    data = changed(write_glb(splats).data, change)
    if error is None:
        assert not np.isfinite(read_glb(data).splats.means).all()
        return
    with pytest.raises(error) as caught:
        read_glb(data)
    assert caught.value.section is not None


@pytest.mark.parametrize("length", [1e30, 1e-7])
def test_quaternions_of_any_length_are_written_as_rotations(
    random_splats: Make, length: float
) -> None:
    splats = random_splats(9, 0)
    stretched = replace(splats, quats=splats.quats * np.float32(length))
    found = read_glb(write_glb(stretched).data).splats
    turns = quats_to_matrices(found.quats.astype(np.float64))
    wanted = quats_to_matrices(splats.quats.astype(np.float64))
    np.testing.assert_allclose(turns, wanted, atol=1e-6)


def test_limits_hold_for_what_is_shown_many_times(random_splats: Make) -> None:
    def change(table: Table) -> None:
        table["nodes"] = [{"mesh": 0}] * 100
        table["scenes"] = [{"nodes": [*range(100)]}]

    data = changed(write_glb(random_splats(10, 0)).data, change)
    assert read_glb(data).splats.n == 1000
    with pytest.raises(TooLarge, match="more Gaussians"):
        read_glb(data, Limits(max_gaussians=999))
    with pytest.raises(TooLarge, match="expand"):
        read_glb(data, Limits(max_raw_bytes=10_000))

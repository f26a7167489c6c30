# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.errors import Corrupt, FormatError, TooLarge, Truncated, Unsupported
from flexgs.io.formats.gltf import read_glb, read_gltf, write_glb
from tests.io.formats.hostile import check_mutants, check_truncations, outcome
from tests.io.formats.test_gltf import changed, join, split

Make = Callable[..., Splats]
Mutate = Callable[[bytes, np.random.Generator], bytes]


def glb_of(text: bytes, binary: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def mutants(data: bytes, mutate: Mutate, count: int, spz: bool) -> Iterator[bytes]:
    """A few as they are, most with lengths (and gzip's checksum) made good around the break."""
    rng = np.random.default_rng(3)
    table, binary = split(data)
    text = json.dumps(table, separators=(",", ":")).encode()
    for i in range(count):
        if i % 5 == 0:
            yield mutate(data, rng)
        elif i % 5 < 4 or not spz:
            yield glb_of(mutate(text, rng), binary)
        else:
            length = table["bufferViews"][0]["byteLength"]
            deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
            packed = deflate.compress(mutate(zlib.decompress(binary[:length], 31), rng))
            packed += deflate.flush()
            whole = json.loads(text)
            whole["bufferViews"][0]["byteLength"] = len(packed)
            whole["buffers"][0]["byteLength"] = len(packed)
            yield join(whole, packed)


@pytest.mark.parametrize("spz", [False, True])
def test_mutants_end_in_a_scene_or_a_format_error(
    random_splats: Make, mutate: Mutate, spz: bool
) -> None:
    data = write_glb(random_splats(20, 1), spz).data
    check_mutants(read_glb, mutants(data, mutate, 300, spz), 15)


@pytest.mark.slow
@pytest.mark.parametrize("spz", [False, True])
def test_many_mutants(random_splats: Make, mutate: Mutate, spz: bool) -> None:
    data = write_glb(random_splats(100, 2), spz).data
    check_mutants(read_glb, mutants(data, mutate, 5000, spz), 100)


@pytest.mark.parametrize("spz", [False, True])
def test_every_truncation_is_refused(random_splats: Make, spz: bool) -> None:
    check_truncations(read_glb, write_glb(random_splats(1, 0), spz).data)


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("spz", [False, True])
def test_gltf_mutants_end_in_a_scene_or_a_format_error(
    tmp_path: Path, random_splats: Make, mutate: Mutate, spz: bool, count: int
) -> None:
    table, binary = split(write_glb(random_splats(5, 0), spz).data)
    inside = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    table["buffers"][0]["uri"] = inside
    rng = np.random.default_rng(4)
    path = tmp_path / "a.gltf"

    def read(data: bytes):
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        return read_gltf(path)

    text = json.dumps(table).encode()
    check_mutants(read, (mutate(text, rng) for _ in range(count)), count // 20)
    with pytest.raises(FormatError) as caught:
        read(text[:-1])
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Truncated),
        (b"glTF\2\0\0\0", Truncated),
        (b"gltf\2\0\0\0\x0c\0\0\0", Corrupt),
        (b"glTF\1\0\0\0\x0c\0\0\0", Unsupported),
        (b"glTF\2\0\0\0\x0c\0\0\0", Corrupt),
        (b"glTF\2\0\0\0\x0d\0\0\0", Truncated),
        (b"glTF\2\0\0\0\x0c\0\0\0\0", Corrupt),
        (b"glTF\2\0\0\0\x10\0\0\0\0\0\0\0", Truncated),
        (b"glTF\2\0\0\0\x14\0\0\0\xff\xff\xff\xffJSON", Truncated),
        (b"glTF\2\0\0\0\x14\0\0\0\0\0\0\0BIN\0", Corrupt),
        (glb_of(b"", b""), Corrupt),
        (glb_of(b"[]", b""), Corrupt),
        (glb_of(b"{}", b""), Corrupt),
        (glb_of(b"[" * 100_000, b""), Corrupt),
        (glb_of(b'{"a":1,"a":2}', b""), Corrupt),
        (glb_of(b'{"scene":NaN}', b""), Corrupt),
        (glb_of(b" " * (2 << 20) + b"{}", b""), TooLarge),
        (glb_of(b'{"nodes":[' + b"9" * 5000 + b"]}", b""), Corrupt),
        (glb_of(b'{"scenes":[{"nodes":[' + b"9" * 400 + b"]}]}", b""), Corrupt),
    ],
)
def test_broken_containers_are_named(data: bytes, error: type[FormatError]) -> None:
    with pytest.raises(FormatError) as caught:
        read_glb(data)
    assert type(caught.value) is error, caught.value


@pytest.mark.parametrize(
    "text",
    [
        b'{"nodes":[' + b"{}," * 9_999 + b"{}]}",
        b'{"nodes":[' + b"{}," * 650_000 + b"{}]}",
        b'{"scenes":[{"nodes":[' + b"0," * 1_000_000 + b'0]}],"nodes":[{}]}',
        b'{"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}],"meshes":[{"primitives":['
        + b"{}," * 650_000
        + b"{}]}]}",
        b'{"buffers":[{"uri":"data:;base64,' + b"A" * 2_000_000 + b'"}]}',
    ],
)
def test_long_documents_do_not_take_long(text: bytes) -> None:
    data = glb_of(text, b"")
    assert len(data) <= 2_097_200
    assert outcome(read_glb, data) == "error"


def test_many_shown_meshes_do_not_take_long(random_splats: Make) -> None:
    rng = np.random.default_rng(0)
    quats = rng.normal(size=(256, 4))
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)

    def change(table: dict) -> None:
        table["nodes"] = [{"mesh": 0, "rotation": q.tolist()} for q in quats]
        table["scenes"] = [{"nodes": [*range(256)]}]

    data = changed(write_glb(random_splats(1, 3)).data, change)
    started = time.process_time()
    assert read_glb(data).splats.n == 256
    assert time.process_time() - started < 1

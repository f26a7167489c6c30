# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from flexgs.errors import FormatError, UsageError
from flexgs.io.formats.table import find_format

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 69361000\n"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"ply\nformat ascii 1.0\n", "ply"),
        (b"ply\r\nformat ascii 1.0\r\n", "ply"),
        (b"\x89FGS\r\n\x1a\n\0\0", "fgs"),
        (b"NGSP\x04\0\0\0", "spz"),
        (b"glTF\2\0\0\0", "glb"),
        (b'{"asset": {}, "extensionsUsed": ["KHR_gaussian_splatting"]}', "gltf"),
        (b"PK\x03\x04" + b"\0" * 30 + b"meta.json", "sog"),
        (b'{"version": 2, "means": {}, "scales": {}, "quats": {}}', "sog"),
        (b'{"version": 1, "lodLevels": 3}', "sog"),
    ],
)
def test_scene_files_are_known_by_content(tmp_path: Path, start: bytes, kind: str) -> None:
    path = tmp_path / "scene.dat"
    path.write_bytes(start)
    assert find_format(path).name == kind


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.ply", b"", "empty"),
        ("a.ply", LFS, "Git LFS pointer"),
        ("a.ply", b"<!DOCTYPE html><html>404</html>", "web page"),
        ("a.fgs", b"\n  <HTML>", "web page"),
        ("a.ply.gz", b"\x1f\x8b\x08\0", "gzip"),
        ("a.sog", b"PK\x03\x04" + b"\0" * 30 + b"image.png", "zip"),
        ("a.bin", b"PK\x03\x04" + b"\0" * 26 + b"archive/data.pkl", "checkpoint"),
        ("a.bin", b"\x80\x02}q\0.", "checkpoint"),
        ("a.pt", b"anything", "checkpoint"),
        ("a.pth", b"anything", "checkpoint"),
        ("a.ckpt", b"anything", "checkpoint"),
        ("a.fgs", b"\x89FGS\n\x1a\n", "line ends"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "no known"),
    ],
)
def test_other_files_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FormatError, match=words) as caught:
        find_format(path)
    assert caught.value.path == str(path)
    assert caught.value.found is not None


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        find_format(tmp_path / "missing.ply")

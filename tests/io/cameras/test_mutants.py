# SPDX-License-Identifier: Apache-2.0
"""Damaged camera files end in cameras or in a typed error, never in anything else."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from flexgs.errors import FlexgsError
from flexgs.io.cameras import read_cameras

COUNT = 3


def inria() -> dict[str, bytes]:
    pose = {"position": [0.5, -1.25, 3], "rotation": np.eye(3).tolist()}
    lens = {"width": 64, "height": 48, "fx": 70.5, "fy": 70}
    entries = [{"id": i, "img_name": f"a{i}.jpg", **lens, **pose} for i in range(COUNT)]
    return {"cameras.json": json.dumps(entries).encode()}


def nerfstudio() -> dict[str, bytes]:
    frames = [
        {"file_path": f"images/a{i}.jpg", "transform_matrix": np.eye(4).tolist()}
        for i in range(COUNT)
    ]
    table = {"w": 64, "h": 48, "camera_angle_x": 0.8, "k1": 0, "frames": frames}
    return {"transforms.json": json.dumps(table).encode()}


def colmap_binary() -> dict[str, bytes]:
    lens = struct.pack("<QiiQQ4d", 1, 1, 1, 64, 48, 70, 70, 32, 24)
    shots = [
        struct.pack("<i7di", i, 0.8, 0.6, 0, 0, 1, 2, 3, 1)
        + b"a%d.jpg\0" % i
        + struct.pack("<Q", 2)
        + bytes(48)
        for i in range(COUNT)
    ]
    return {"cameras.bin": lens, "images.bin": struct.pack("<Q", COUNT) + b"".join(shots)}


def colmap_text() -> dict[str, bytes]:
    shots = [f"{i} 0.8 0.6 0 0 1 2 3 1 a{i}.jpg\n1 2 -1" for i in range(COUNT)]
    lens = b"# cameras\n1 PINHOLE 64 48 70 70 32 24\n"
    return {"cameras.txt": lens, "images.txt": "\n".join(shots).encode()}


@pytest.mark.parametrize("make", [inria, nerfstudio, colmap_binary, colmap_text])
def test_mutants_end_in_cameras_or_a_typed_error(
    tmp_path: Path,
    mutate: Callable[[bytes, np.random.Generator], bytes],
    make: Callable[[], dict[str, bytes]],
) -> None:
    files = make()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert len(read_cameras(tmp_path)[0]) == COUNT
    rng = np.random.default_rng(3)
    outcomes = {"cameras": 0, "error": 0}
    for i in range(1250):
        name = sorted(files)[i % len(files)]
        (tmp_path / name).unlink()  # much faster than to overwrite it
        (tmp_path / name).write_bytes(mutate(files[name], rng))
        try:
            read_cameras(tmp_path)
            outcomes["cameras"] += 1
        except FlexgsError:
            outcomes["error"] += 1
        (tmp_path / name).unlink()
        (tmp_path / name).write_bytes(files[name])
    assert min(outcomes.values()) > 30, outcomes

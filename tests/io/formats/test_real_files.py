# SPDX-License-Identifier: Apache-2.0
"""Files that other tools wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flexgs.io.formats.spz import read_spz
from flexgs.io.formats.table import find_format
from flexgs.scenes import open_scene

FILES = {
    "biker.compressed.ply": ("compressed-ply", 152_746, 0),
    "guitar.compressed.ply": ("compressed-ply", 90_854, 0),
    "biker.spz": ("spz", 152_746, 0),
    "playbot-sog2": ("sog", 31_000, 2),
    "playbot-sog2/meta.json": ("sog", 31_000, 2),
    "pcblocks-sog1": ("sog", 185_761, 3),
    "flowers-streamed-sog": ("sog", 542_104, 2),
    "flowers-streamed-sog/lod-meta.json": ("sog", 542_104, 2),
}


@pytest.fixture(scope="session")
def formats_dir(data_dir: Path) -> Path:
    folder = data_dir / "formats"
    if not folder.is_dir():
        pytest.skip("no files of other tools here (set FLEXGS_DATA to the folder that holds them)")
    return folder


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_tool_is_read(formats_dir: Path, name: str) -> None:
    kind, n, degree = FILES[name]
    assert find_format(formats_dir / name).name == kind
    splats = open_scene(formats_dir / name).splats
    assert (splats.n, splats.degree, splats.model) == (n, degree, "3dgs")
    assert np.quantile(np.linalg.norm(splats.quats, axis=1), [0, 1]) == pytest.approx(1, abs=0.01)
    assert np.ptp(splats.opacity_logits) > 8


def test_two_formats_of_one_scene_agree(formats_dir: Path) -> None:
    """The same Gaussians in another order; the .spz is in RUB and, like most, does not say so."""
    a = open_scene(formats_dir / "biker.compressed.ply").splats
    b = read_spz((formats_dir / "biker.spz").read_bytes(), frame="RUB").splats
    for name in ("means", "log_scales", "sh", "opacity_logits"):
        left = getattr(a, name).reshape(a.n, -1).astype(np.float64)
        right = getattr(b, name).reshape(b.n, -1).astype(np.float64)
        assert np.median(left, axis=0) == pytest.approx(np.median(right, axis=0), abs=0.05)
        assert left.mean(axis=0) == pytest.approx(right.mean(axis=0), abs=0.1)

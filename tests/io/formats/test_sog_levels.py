# SPDX-License-Identifier: Apache-2.0
"""Streamed SOG as written: every level comes back, cut up in space."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexgs.core import Splats
from flexgs.errors import SceneError
from flexgs.io.files import write_folder
from flexgs.io.formats.sog import read_sog
from flexgs.io.formats.sog.levels import write_levels
from flexgs.io.formats.sog.levels.tree import bounds
from tests.io.formats.pairs import matched

Make = Callable[..., Splats]


def leaves_of(node: Any) -> Iterator[Any]:
    if "lods" in node:
        yield node
    for child in node.get("children", []):
        yield from leaves_of(child)


@pytest.fixture
def levels(random_splats: Make) -> list[Splats]:
    fine = random_splats(600, 1)
    return [fine, fine.select(slice(0, 200)), fine.select(slice(0, 40))]


def test_every_level_comes_back(levels: list[Splats], tmp_path: Path) -> None:
    files, _ = write_levels(levels, leaf=100, file=250)
    write_folder(tmp_path / "s", files)
    for number, level in enumerate(levels):
        found = read_sog(tmp_path / "s", level=number).splats
        assert found.n == level.n
        assert np.abs(matched(found, level).means - level.means).max() < 1e-3


def test_the_table_says_what_is_where(levels: list[Splats], tmp_path: Path) -> None:
    files, _ = write_levels(levels, leaf=100, file=250)
    write_folder(tmp_path / "s", files)
    table = json.loads(files["lod-meta.json"])
    assert table["counts"] == [600, 200, 40]
    assert (table["version"], table["count"], table["lodLevels"]) == (1, 840, 3)
    assert len([name for name in table["filenames"] if name.startswith("0_")]) == 2
    assert set(table["filenames"]) <= set(files)
    leaves = list(leaves_of(table["tree"]))
    assert len(leaves) == 8
    scenes = [read_sog(tmp_path / "s" / name).splats for name in table["filenames"]]
    for leaf in leaves:
        assert leaf["lods"]["0"]["count"] <= 100
        low, high = leaf["bound"]["min"], leaf["bound"]["max"]
        for span in leaf["lods"].values():
            rows = slice(span["offset"], span["offset"] + span["count"])
            means = scenes[span["file"]].means[rows]
            assert (means > np.subtract(low, 1e-3)).all()
            assert (means < np.add(high, 1e-3)).all()
    whole = table["tree"]["bound"]
    assert np.min([leaf["bound"]["min"] for leaf in leaves], axis=0) == pytest.approx(whole["min"])
    assert np.max([leaf["bound"]["max"] for leaf in leaves], axis=0) == pytest.approx(whole["max"])


def test_leaves_are_apart(levels: list[Splats]) -> None:
    """Boxes of means overlap less than those of random parts of the same size would."""
    table = json.loads(write_levels(levels, leaf=100)[0]["lod-meta.json"])
    volumes = [
        np.prod(np.subtract(leaf["bound"]["max"], leaf["bound"]["min"]))
        for leaf in leaves_of(table["tree"])
    ]
    whole = table["tree"]["bound"]
    assert np.median(volumes) < 0.4 * np.prod(np.subtract(whole["max"], whole["min"]))


def test_boxes_hold_ellipsoids() -> None:
    turned = [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]  # x to y
    one = Splats([[1, 2, 3]], np.log([[0.5, 0.1, 0.2]]), [turned], [0.0], np.zeros((1, 1, 3)))
    low, high = bounds(one)
    assert low == pytest.approx([0.9, 1.5, 2.8])
    assert high == pytest.approx([1.1, 2.5, 3.2])


def test_gaussians_in_one_place_are_one_leaf(random_splats: Make, tmp_path: Path) -> None:
    same = random_splats(1, 0).select(np.zeros(50, int))
    files, _ = write_levels([same], leaf=10)
    write_folder(tmp_path / "s", files)
    assert len(list(leaves_of(json.loads(files["lod-meta.json"])["tree"]))) == 1
    assert read_sog(tmp_path / "s").splats.n == 50


def test_empty_levels_are_refused(random_splats: Make) -> None:
    fine = random_splats(5, 0)
    with pytest.raises(SceneError, match="levels"):
        write_levels([fine, fine.select(slice(0, 0))])
    with pytest.raises(SceneError, match="levels"):
        write_levels([])

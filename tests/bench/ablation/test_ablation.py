# SPDX-License-Identifier: Apache-2.0
"""Parts go off alone and come back on; rows are journalled; tables and charts say what came out."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from flexgs.batch import BatchScene
from flexgs.bench.ablation.parts.rd_parts import PARTS
from flexgs.bench.ablation.parts.replaced import replaced
from flexgs.bench.ablation.parts.segment_parts import SEGMENT_PARTS, compress_without, whole_planes
from flexgs.bench.ablation.run import PROFILES, Ablation, run_ablation, titles
from flexgs.bench.ablation.show import ablation_tables, write_ablation
from flexgs.bench.model import Setup
from flexgs.codec.rd import colours
from flexgs.errors import UsageError
from flexgs.quant.grid import cells_to_planes

RD = ("rd.luma", "rd.octree")
SEGMENT = ("segment.delta", "segment.zero-separation", "segment.codec-brotli")


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_rd_can_be_switched_off_and_on(name: str) -> None:
    items = PARTS[name].replaced()
    before = [getattr(module, attribute) for module, attribute, _ in items]
    with PARTS[name].off():
        now = [getattr(module, attribute) for module, attribute, _ in items]
        assert all(own is not old for own, old in zip(now, before, strict=True))
    assert [getattr(module, attribute) for module, attribute, _ in items] == before


@pytest.mark.parametrize("name", SEGMENT_PARTS)
def test_every_part_of_segment_can_be_switched_off_and_on(name: str) -> None:
    items = SEGMENT_PARTS[name].replaced()
    before = [getattr(module, attribute) for module, attribute, _ in items]
    with replaced(*items):
        pass
    assert [getattr(module, attribute) for module, attribute, _ in items] == before


def test_parts_come_back_when_something_goes_wrong() -> None:
    before = colours.choose_sh
    with pytest.raises(RuntimeError), replaced((colours, "choose_sh", None)):
        raise RuntimeError
    assert colours.choose_sh is before
    with pytest.raises(AttributeError), replaced((colours, "no_such_name", None)):
        pass


def test_a_codec_that_is_off_is_never_chosen() -> None:
    data = bytes(range(256)) * 40
    for codec in ("zlib", "zstd", "lzma", "brotli"):
        assert compress_without(codec)(data, "auto", None, "best")[0] not in (codec, "raw")


def test_planes_without_differences_hold_the_codes() -> None:
    import numpy as np

    cells = np.array([[0, 0, 0], [1, 2, 3], [900, 800, 700]])
    assert len(whole_planes(cells, "codes")) == len(cells_to_planes(cells[[0, 2]], "codes"))


def test_an_ablation(scenes: tuple[BatchScene, ...], tmp_path: Path) -> None:
    setup = Setup(drops=(1.0,), effort=3, threads=1, device="cpu")
    ablation = Ablation(setup, 1.0, (*RD, *SEGMENT))
    rows = run_ablation(scenes, ablation, tmp_path)
    names = [row.setting.removeprefix("ablate.") for row in rows]
    assert set(names) == {"rd.everything", "segment.everything", *RD, *SEGMENT}
    found = {name: row.result for name, row in zip(names, rows, strict=True)}
    for profile in PROFILES:
        whole = found[f"{profile}.everything"]
        assert whole is not None
        assert whole["change"] == 0
    delta, tree = found["segment.delta"], found["rd.octree"]
    assert delta is not None
    assert tree is not None
    assert delta["change"] > 0
    assert tree["change"] > 0
    assert delta["nearest"]["drop_db"] == found["segment.everything"]["nearest"]["drop_db"]  # type: ignore[index]
    assert run_ablation(scenes, ablation, tmp_path, listener=pytest.fail) == rows

    write_ablation(rows, ablation, tmp_path)
    tables = ablation_tables(rows, ablation)
    assert [table.title for table in tables] == [
        "ash, `rd` profile, 1 dB",
        "ash, `segment` profile, 1 dB",
    ]
    lines = list(csv.DictReader((tmp_path / "ablation.csv").read_text().splitlines()))
    assert {line["part"] for line in lines} >= {"luma", "delta"}
    assert "switched off" in (tmp_path / "ablation.md").read_text()
    charts = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert charts[:2] == ["ablation-ash-rd.png", "ablation-ash-rd.svg"]


def test_parts_have_names() -> None:
    assert "coder" in titles("rd")
    assert {"rounds", "morton", "search-refinement"} <= set(titles("segment"))
    with pytest.raises(UsageError, match="no part is called"):
        Ablation(Setup(), 1.0, ("rd.magic",))

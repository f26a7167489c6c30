# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import flexgs
from flexgs.core import Splats
from flexgs.editing import merging
from flexgs.errors import SceneError, TooLarge, UsageError
from flexgs.io import read_ply, write_ply
from flexgs.limits import Limits


def test_scenes_of_several_formats_and_degrees_become_one(splats: Splats, tmp_path: Path) -> None:
    plain = replace(splats, sh=splats.sh[:, :1])
    flexgs.write_scene(plain, tmp_path / "a.splat")
    write_ply(tmp_path / "b.ply", splats)
    done = flexgs.merge([tmp_path / "a.splat", tmp_path / "b.ply"], tmp_path / "c.ply")
    found = read_ply(tmp_path / "c.ply").splats
    assert (found.n, found.degree) == (400, 3)
    assert not found.sh[:200, 1:].any()
    assert np.array_equal(found.sh[200:], splats.sh)
    assert np.array_equal(found.means, done.splats.means)
    assert [(s.name, s.format, s.gaussians, s.sh_degree) for s in done.sources] == [
        ("a.splat", "splat", 200, 0),
        ("b.ply", "ply", 200, 3),
    ]
    assert done.output_format == "ply"
    assert done.output_bytes == (tmp_path / "c.ply").stat().st_size


def test_gaussians_in_memory_are_merged_without_a_file(splats: Splats) -> None:
    done = flexgs.merge([splats, splats, splats])
    assert done.splats.n == 600
    assert done.output_format is None


def test_notes_say_which_scene_they_are_about(splats: Splats, tmp_path: Path) -> None:
    logits = splats.opacity_logits.copy()
    logits[:2] = 99
    write_ply(tmp_path / "a.ply", replace(splats, opacity_logits=logits))
    done = flexgs.merge([splats, tmp_path / "a.ply"])
    assert done.notes == ("a.ply: 2 opacity logits clamped to +-15",)


def test_mixed_models_need_plain(splats: Splats, tmp_path: Path) -> None:
    parts = [splats, replace(splats, model="mip")]
    with pytest.raises(SceneError, match="--plain"):
        flexgs.merge(parts, tmp_path / "a.ply")
    assert not (tmp_path / "a.ply").exists()
    done = flexgs.merge(parts, tmp_path / "a.ply", plain=True)
    assert done.splats.model == "3dgs"
    assert "200 Gaussians of mip taken for plain 3DGS" in done.notes
    assert flexgs.merge([parts[1], parts[1]]).splats.model == "mip"


def test_nothing_and_too_much_are_refused(splats: Splats, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="nothing to merge"):
        flexgs.merge([])
    monkeypatch.setattr(merging, "DEFAULT_LIMITS", Limits(max_gaussians=399))
    with pytest.raises(TooLarge, match="at most 399"):
        flexgs.merge([splats, splats])


def test_no_input_is_overwritten(splats: Splats, tmp_path: Path) -> None:
    for name in ("a.ply", "b.ply"):
        write_ply(tmp_path / name, splats)
    with pytest.raises(UsageError, match="the output is the input"):
        flexgs.merge([tmp_path / "a.ply", tmp_path / "b.ply"], tmp_path / "b.ply", force=True)

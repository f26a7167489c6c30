# SPDX-License-Identifier: Apache-2.0
"""Answers for some Gaussians alone, among others that only stand in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.render.cpu import CpuRenderer
from tests.render import scenes
from tests.render.own import assert_answers_of_the_first


@pytest.mark.parametrize("name", ["dense", "behind", "mip"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_others_are_seen_and_not_answered_for(name: str, threads: int) -> None:
    case = scenes.cases(96, 72)[name]
    left = case.splats.select(np.argsort(case.splats.means[:, 0], kind="stable"))
    renderer = CpuRenderer(threads)
    for own in (0, 1, left.n // 4, left.n):
        assert_answers_of_the_first(renderer, left, case.camera, own)


def test_tiles_without_them_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from flexgs.render.cpu import renderer as module

    case = scenes.cases(96, 72)["dense"]
    left = case.splats.select(np.argsort(case.splats.means[:, 0], kind="stable"))
    tiles = []
    original = module.sum_pairs

    def counted(*given: object) -> None:
        tiles.append(len(given[4]))  # type: ignore[arg-type]
        original(*given)

    monkeypatch.setattr(module, "sum_pairs", counted)
    for own in (None, 1):
        CpuRenderer(1).contributions(left, case.camera, own=own)
    assert 0 < tiles[1] < tiles[0] / 2

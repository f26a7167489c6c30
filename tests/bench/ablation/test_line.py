# SPDX-License-Identifier: Apache-2.0
"""Bytes at exactly the target, from files near it."""

from __future__ import annotations

import math

import pytest

from flexgs.bench.ablation.line import File, size_at_target, slope_of, usual_slope


def test_files_on_one_line_agree_on_it() -> None:
    files = [File(d, round(1e6 * math.exp(-1.2 * d))) for d in (0.9, 1.05, 1.4)]
    for chosen in (files, files[1:], files[:2]):
        assert size_at_target(chosen, 1.0, -1.0) == pytest.approx(1e6 * math.exp(-1.2), rel=1e-4)
    assert usual_slope(files, 1.0) == pytest.approx(-1.2, rel=1e-3)


def test_a_file_alone_goes_along_the_usual_line() -> None:
    assert slope_of([File(0.9, 1000)], 1.0) is None
    assert size_at_target([File(0.9, 1000)], 1.0, -2.0) == pytest.approx(1000 * math.exp(-0.2))
    near = [File(0.98, 1000), File(0.99, 400)]  # too near to each other to say anything
    assert size_at_target(near, 1.0, -1.0) == pytest.approx(400 * math.exp(-0.01))


def test_no_line_is_far_from_the_usual_one() -> None:
    steep = [File(0.9, 1000), File(0.5, 10**6)]
    assert size_at_target(steep, 1.0, -1.0) == pytest.approx(1000 * math.exp(-0.2))
    assert usual_slope(steep, 1.0) == -1.0

# SPDX-License-Identifier: Apache-2.0
"""Bytes at a drop: between files, never beyond them; means over scenes that all have them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexgs.bench.curves import Found, Spot, front, mean_found, size_at

spots = st.builds(
    Spot, st.floats(-1, 3).map(lambda d: round(d, 3)), st.integers(1, 10**7).map(float)
)


@given(st.lists(spots, min_size=1, max_size=12), st.floats(-2, 4))
def test_no_method_gets_less_than_its_best_files_allow(files: list[Spot], drop: float) -> None:
    best = front(files)
    assert all(a.drop_db < b.drop_db and a.size > b.size for a, b in pairwise(best))
    found = size_at(files, drop)
    good_enough = [spot.size for spot in files if spot.drop_db <= drop + 0.0005]
    if not good_enough:
        assert (found.size, found.how) == (None, "out of reach")
        return
    assert found.size is not None
    assert min(spot.size for spot in files) <= found.size <= min(good_enough) * (1 + 1e-9)


def test_log_bytes_are_straight_lines() -> None:
    files = [Spot(0.0, 1e6), Spot(2.0, 1e4), Spot(1.0, 2e6)]  # the last one is beaten
    assert size_at(files, 1.0) == Found(pytest.approx(1e5), "interpolated", 1.0)
    assert size_at(files, 2.0) == Found(1e4, "measured", 2.0)


def test_nothing_is_made_up_beyond_the_files() -> None:
    files = [Spot(0.2, 100.0), Spot(0.4, 50.0)]
    assert size_at(files, 0.1) == Found(None, "out of reach", 0.2)
    assert size_at(files, 2.0) == Found(50.0, "smallest", 0.4)
    assert size_at([], 1.0) == Found(None, "nothing")


def test_a_mean_needs_every_scene() -> None:
    both = mean_found([Found(10.0, "measured", 1.0), Found(30.0, "smallest", 0.5)])
    assert both == Found(20.0, "smallest", 0.75)
    missing = Found(None, "out of reach", 0.7)
    assert mean_found([Found(10.0, "measured", 1.0), missing]) == missing
    assert math.isclose(mean_found([Found(10.0, "measured", 1.0)]).size or 0, 10.0)

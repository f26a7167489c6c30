# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from flexgs.codec.rd.neighbours import (
    NEIGHBOURS,
    WEIGHT_BITS,
    WINDOW,
    find_neighbours,
    log2_sixteenths,
)


def test_neighbours_are_the_nearest_of_the_window_heaviest_first() -> None:
    rng = np.random.default_rng(6)
    cells = rng.integers(0, 50, (400, 3)).astype(np.int32)
    features = rng.integers(-64, 64, (400, 6)).astype(np.int32)
    found = find_neighbours(cells, features)
    assert found.rows.shape == found.weights.shape == (400, NEIGHBOURS)
    for i in range(400):
        earlier = np.arange(i - 1, max(i - 1 - WINDOW, -1), -1)
        squares = np.square(cells[earlier].astype(np.int64) - cells[i]).sum(axis=1)
        wanted = earlier[np.argsort(squares, kind="stable")][:NEIGHBOURS]
        assert set(found.rows[i][: len(wanted)]) == set(wanted)
        assert (found.rows[i][len(wanted) :] == -1).all()
        weights = found.weights[i][: len(wanted)]
        assert (np.diff(weights) <= 0).all()
        assert (weights >= 1).all()
        assert not len(weights) or weights[0] == 1 << WEIGHT_BITS
        assert not found.weights[i][len(wanted) :].any()


def test_the_alike_weigh_more() -> None:
    cells = np.array([[0, 0, 0], [0, 0, 8], [0, 0, 4]], np.int32)
    features = np.zeros((3, 6), np.int32)
    features[0, 3:] = 32  # two octaves larger along each axis
    found = find_neighbours(cells, features)
    assert found.rows[2, :2].tolist() == [1, 0]
    assert found.weights[2, 1] == found.weights[2, 0] >> 3


def test_far_cells_do_not_overflow() -> None:
    cells = np.array([[2**31 - 1] * 3, [-(2**31)] * 3, [2**31 - 2] * 3], np.int32)
    found = find_neighbours(cells, np.zeros((3, 6), np.int32))
    assert found.rows[:, :3].tolist() == [[-1, -1, -1], [0, -1, -1], [0, 1, -1]]


def test_logarithms_are_within_a_sixteenth() -> None:
    values = np.unique(np.logspace(0, 18, 3000).astype(np.int64))
    logs = np.array([log2_sixteenths(value) for value in values])
    assert np.abs(logs - 16 * np.log2(values.astype(np.float64))).max() <= 1.1


def test_no_gaussians() -> None:
    empty = find_neighbours(np.zeros((0, 3), np.int32), np.zeros((0, 6), np.int32))
    assert empty.rows.shape == (0, NEIGHBOURS)

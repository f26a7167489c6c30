# SPDX-License-Identifier: Apache-2.0
"""The model of bytes and drop passes through what was measured, and knows how little that is."""

from __future__ import annotations

import numpy as np
import pytest

from flexgs.search.surrogate import BYTES_PRIOR, DROP_PRIOR, Model, log_error

KNOWN = np.array([[0.3, 0.4], [0.5, 0.2], [0.55, 0.6]])
VALUES = np.array([-3.0, -1.5, -0.8])


def test_predictions_pass_near_the_measurements() -> None:
    mean, deviation = Model(DROP_PRIOR, KNOWN, VALUES, np.zeros(3)).predict(KNOWN)
    assert np.abs(mean - VALUES).max() < 0.03
    assert deviation.max() < 0.03


def test_doubt_grows_away_from_the_measurements() -> None:
    wanted = np.array([[0.5, 0.25], [0.9, 0.9]])
    _, deviation = Model(DROP_PRIOR, KNOWN, VALUES, np.zeros(3)).predict(wanted)
    assert deviation[1] > 5 * deviation[0]


def test_distant_measurements_weigh_less() -> None:
    wanted = KNOWN[:1]
    near, _ = Model(DROP_PRIOR, KNOWN, VALUES, np.zeros(3)).predict(wanted)
    far, _ = Model(DROP_PRIOR, KNOWN, VALUES, np.array([5.0, 0.0, 0.0])).predict(wanted)
    assert abs(far[0] - VALUES[0]) > abs(near[0] - VALUES[0])


def test_bytes_of_a_simple_file_are_predicted_within_two_per_cent() -> None:
    def size(rates: np.ndarray) -> np.ndarray:
        return np.log(1e6 * (1 - rates[:, 0]) * (28 + 22 * (1 - rates[:, 1])))

    wanted = np.array([[0.6, 0.5], [0.45, 0.45]])
    mean, _ = Model(BYTES_PRIOR, KNOWN, size(KNOWN), np.zeros(3)).predict(wanted)
    assert np.abs(mean - size(wanted)).max() < 0.02


@pytest.mark.parametrize("drop", [-1.0, 0.0, 0.001, 50.0, np.inf])
def test_any_drop_has_a_finite_logarithm(drop: float) -> None:
    assert np.isfinite(log_error(drop))


def test_twice_the_squared_error_is_three_decibels() -> None:
    assert log_error(10 * np.log10(2)) == pytest.approx(0.0)

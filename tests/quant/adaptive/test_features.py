# SPDX-License-Identifier: Apache-2.0
"""Step classes: integers only at the decoder, the best steps from the fit."""

from __future__ import annotations

import numpy as np

from flexgs.quant.adaptive.features import (
    CLEARNESS_FLOOR,
    OCTAVE,
    STEP_MANTISSAS,
    class_steps,
    fit_steps,
    log2_octaves,
    stack_features,
    step_classes,
)


def test_logarithms_are_the_nearest_sixteenths() -> None:
    values = np.unique(np.logspace(0, 18, 5000).astype(np.int64))
    exact = 16 * np.log2(values.astype(np.float64))
    assert np.abs(log2_octaves(values) - exact).max() <= 0.5 + 1e-4


def test_logarithm_of_a_ratio() -> None:
    assert log2_octaves(np.array([1, 1 << 12, 1 << 14]), 1 << 12).tolist() == [-192, 0, 32]


def test_mantissas_are_powers_of_two() -> None:
    exact = np.exp2(np.arange(16) / 16).astype(np.float32)
    assert np.abs(STEP_MANTISSAS.view(np.int32) - exact.view(np.int32)).max() <= 1


def test_steps_cover_octaves_exactly() -> None:
    classes = np.arange(-960, 961, dtype=np.int32)
    steps = class_steps(classes)
    assert np.isfinite(steps).all()
    assert (steps > 0).all()
    np.testing.assert_array_equal(steps[OCTAVE:], 2 * steps[:-OCTAVE])


def _features(n: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    scales = -np.sort(-rng.integers(-160, 16, (n, 3)), axis=1).astype(np.int32)
    return stack_features(
        rng.integers(0, 64, n).astype(np.int32),
        rng.integers(-64, 1, n).astype(np.int32),
        rng.integers(CLEARNESS_FLOOR, 1, n).astype(np.int32),
        scales,
    )


def test_a_power_law_is_found_and_gives_the_best_steps() -> None:
    features = _features(4000)
    powers = np.array([-1.5, 1.0, 0.25, 2.0, -1.0, 0.5])
    logs = 3.0 + features @ powers / OCTAVE
    lam = 0.01
    coefficients = fit_steps(features, np.exp2(logs), lam)
    ideal = 0.5 * np.log2(6 * lam / (np.log(2) * np.exp2(logs)))
    error = step_classes(features, coefficients) / OCTAVE - ideal
    assert np.abs(error).max() < 0.2


def test_noise_in_the_fisher_keeps_the_mean_right() -> None:
    features = _features(4000)
    rng = np.random.default_rng(5)
    fisher = np.exp2(features[:, 3] / OCTAVE) * rng.gamma(0.5, 2.0, len(features))
    lam = 1.0
    steps = class_steps(step_classes(features, fit_steps(features, fisher, lam))).astype(np.float64)
    # where steps are the best, the error of a parameter is lambda / (2 ln 2)
    assert np.isclose((fisher * steps**2 / 12).mean(), lam / (2 * np.log(2)), rtol=0.05)


def test_nothing_to_fit_gives_finite_coefficients() -> None:
    for n in (0, 1, 5):
        features = np.zeros((n, 6), np.int32)
        for fisher in (np.zeros(n), np.ones(n)):
            coefficients = fit_steps(features, fisher, 1.0)
            assert coefficients.shape == (7,)
            assert np.abs(coefficients).max() < 1 << 15


def test_the_fit_is_deterministic() -> None:
    features = _features(3000)
    fisher = np.random.default_rng(1).gamma(0.3, 5.0, 3000)
    np.testing.assert_array_equal(
        fit_steps(features, fisher, 0.1), fit_steps(features.copy(), fisher.copy(), 0.1)
    )

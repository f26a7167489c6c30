# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from flexgs.limits import MAX_ABS_SH
from flexgs.quant.adaptive.colour_values import dequantise_colours
from flexgs.quant.adaptive.colours import (
    DC_BITS,
    TO_LUMA_CHROMA,
    ColourPlan,
    ColourSymbols,
    band_of,
    dc_steps,
    sh_steps,
    to_luma_chroma,
)

PLAN = ColourPlan(3, (-800, 10, 20), (-600, 5, 7), (0, 4, -3))


def features(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-64, 64, (n, 2)).astype(np.int32)


def test_the_transform_is_orthonormal() -> None:
    np.testing.assert_allclose(TO_LUMA_CHROMA @ TO_LUMA_CHROMA.T, np.eye(3), atol=1e-15)


def test_dequantising_inverts_the_transform_and_the_steps() -> None:
    rng = np.random.default_rng(1)
    symbols = ColourSymbols(
        rng.integers(-(2**21), 2**21, (50, 3)).astype(np.int32),
        rng.integers(-9, 10, (50, 15, 3)).astype(np.int16),
        rng.integers(-8, 9, 50).astype(np.int8),
    )
    sh = dequantise_colours(PLAN, symbols, features(50))
    back = to_luma_chroma(sh)
    np.testing.assert_allclose(back[:, 0], symbols.dc / 2.0**DC_BITS, atol=1e-5)
    steps = sh_steps(PLAN, features(50), symbols.shifts)[:, band_of(3)]
    np.testing.assert_allclose(back[:, 1:] / steps[:, :, None], symbols.sh, atol=1e-3)


def test_dc_steps_are_powers_of_two_in_sixteenths() -> None:
    classes = np.arange(-160, 113, dtype=np.int32)
    exact = np.exp2(classes / 16 + DC_BITS)
    np.testing.assert_allclose(dc_steps(classes), exact, rtol=1e-3)


def test_extreme_symbols_stay_within_the_limits_of_a_scene() -> None:
    plan = ColourPlan(1, (32767, 0, 0), (32767, 0, 0), (0, 0, 0))
    symbols = ColourSymbols(
        np.full((2, 3), 2**31 - 1, np.int32),
        np.full((2, 3, 3), 32767, np.int16),
        np.full(2, 8, np.int8),
    )
    sh = dequantise_colours(plan, symbols, features(2))
    assert np.abs(sh).max() <= MAX_ABS_SH


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_empty_scenes(degree: int) -> None:
    k = (degree + 1) ** 2
    plan = ColourPlan(degree, PLAN.dc, PLAN.sh, PLAN.bands)
    no_rows = np.zeros(0, np.int8)
    symbols = ColourSymbols(np.zeros((0, 3), np.int32), np.zeros((0, k - 1, 3), np.int16), no_rows)
    assert dequantise_colours(plan, symbols, features(0)).shape == (0, k, 3)

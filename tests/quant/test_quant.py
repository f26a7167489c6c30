# SPDX-License-Identifier: Apache-2.0
"""Laws of the quantisers: error bounds, exactness, idempotence, no outlier that wrecks the rest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexgs.core.morton import morton_cells, morton_codes
from flexgs.core.rotations import quats_to_matrices
from flexgs.errors import Corrupt, UsageError
from flexgs.quant import SegmentPlan
from flexgs.quant.fit import fit_ranges
from flexgs.quant.grid import cells_to_planes, morton_order, planes_to_cells
from flexgs.quant.layout import Layout, layout_choices, planes_to_symbols, symbols_to_planes
from flexgs.quant.packing import pack_bits, packed_size, unpack_bits
from flexgs.quant.positions import Frame, dequantize_means, fit_frame, quantize_means
from flexgs.quant.rotations import CUBE_TURNS, fill_w, nearest_orientation
from flexgs.quant.segments import (
    Ranges,
    check_ranges,
    dequantize_rows,
    make_ranges,
    quantize,
    segment_bounds,
    segment_count,
    to_scales,
)

many = settings(max_examples=500, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@many
@given(seeds, st.integers(0, 70), st.integers(1, 8))
def test_packing_is_exact_and_fills_its_bytes(seed, count, bits):
    symbols = np.random.default_rng(seed).integers(0, 2**bits, count).astype(np.uint8)
    packed = pack_bits(symbols, bits)
    assert len(packed) == packed_size(count, bits)
    np.testing.assert_array_equal(unpack_bits(packed, bits, count), symbols)
    as_integer = int.from_bytes(packed.tobytes(), "little")
    assert as_integer == sum(int(s) << (i * bits) for i, s in enumerate(symbols))


@many
@given(seeds, st.integers(1, 16), st.integers(0, 40), st.integers(1, 9), st.integers(0, 15))
def test_every_layout_is_exact(seed, bits, rows, channels, number):
    rng = np.random.default_rng(seed)
    dtype = np.uint8 if bits <= 8 else np.uint16
    symbols = rng.integers(0, 2**bits, (channels, rows)).astype(dtype)
    before = symbols.copy()
    layout = Layout.from_number(number)
    assert layout.number == number
    planes = symbols_to_planes(symbols, bits, layout)
    np.testing.assert_array_equal(symbols, before)
    again = planes_to_symbols(planes, bits, layout, (channels, rows))
    np.testing.assert_array_equal(again, symbols)


def test_layouts_on_offer_pack_narrow_symbols_only():
    assert all(layout.packed for layout in layout_choices(4, 9))
    assert not any(layout.packed for layout in layout_choices(8, 9))
    assert len(layout_choices(8, 1)) == 2


@many
@given(seeds, st.integers(0, 60), st.integers(2, 3), st.integers(1, 21))
def test_grid_planes_are_exact_by_both_methods(seed, n, d, bits):
    cells = np.random.default_rng(seed).integers(0, 2**bits, (n, d))
    cells = cells[morton_order(cells)]
    np.testing.assert_array_equal(morton_cells(morton_codes(cells), d), cells)
    for method in ("codes", "axes"):
        planes = cells_to_planes(cells, method)
        np.testing.assert_array_equal(planes_to_cells(planes, method, d), cells)


@many
@given(seeds, st.integers(1, 16), st.floats(-6, 6))
def test_position_error_is_half_a_step_near_and_relative_far(seed, bits, magnitude):
    rng = np.random.default_rng(seed)
    means = (rng.normal(0, 10.0**magnitude, (40, 3)) + 10.0**magnitude).astype(np.float32)
    frame = fit_frame(means)
    grid = quantize_means(means, frame, bits)
    again = dequantize_means(grid, frame, bits)
    step = float(frame.radius) * 2.0 ** -max(bits - 3, 0)
    radii = np.abs(means.astype(float) - frame.center) / float(frame.radius)
    octave = np.floor(np.log2(np.maximum(radii, 1)))
    bound = step * 2.0**octave * 0.5 * (1 + 1e-6) + 2 * np.spacing(np.abs(means))
    assert (np.abs(again - means) <= bound).all()
    np.testing.assert_array_equal(quantize_means(again, frame, bits), grid)


def test_one_far_position_leaves_the_others_as_they_were():
    rng = np.random.default_rng(0)
    means = rng.normal(0, 3, (5000, 3)).astype(np.float32)
    far = means.copy()
    far[17] = (1e4, -1e4, 1e4)
    errors = []
    for points in (means, far):
        frame = fit_frame(points)
        again = dequantize_means(quantize_means(points, frame, 16), frame, 16)
        errors.append(np.delete(np.abs(again - points), 17, axis=0).mean())
        assert np.abs(again[17] - points[17]).max() <= 1e-4 * np.abs(points[17]).max()
    assert errors[1] == pytest.approx(errors[0], rel=0.02)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 3)),
        np.full((5, 3), 1e7),
        [[0, 0, 0]] * 4 + [[1e7, -1e7, 1e-7]],
        [[1e-38, 0, 0], [0, 0, 0], [0, 1e7, 0]],
    ],
)
def test_degenerate_clouds_stay_on_the_grid(points):
    means = np.array(points, np.float32)
    frame = fit_frame(means)
    grid = quantize_means(means, frame, 16)
    assert np.ptp(grid, axis=0).max() < 2**21
    again = dequantize_means(grid, frame, 16)
    assert np.abs(again - means).max() <= 1e-3 * max(1.0, np.abs(means).max())
    np.testing.assert_allclose(again[0], means[0], rtol=1e-6, atol=1e-19)


def test_a_position_beyond_float32_is_corrupt():
    frame = Frame(np.zeros(3, np.float32), np.float32(1))
    with pytest.raises(Corrupt):
        dequantize_means(np.full((1, 3), 2**22), frame, 3)


@many
@given(seeds, st.integers(1, 16), st.floats(-30, 3), st.floats(-1000, 1000))
def test_quantised_values_are_off_by_half_a_step_and_idempotent(seed, bits, spread, center):
    rng = np.random.default_rng(seed)
    values = (center + rng.normal(0, 10.0**spread, (3, 50))).astype(np.float32)
    bounds = segment_bounds(50, 4)
    low = np.minimum.reduceat(values, bounds[:-1], axis=1).astype(float)
    high = np.maximum.reduceat(values, bounds[:-1], axis=1).astype(float)
    ranges = make_ranges(low, high, bits)
    check_ranges(ranges, "test")
    symbols = quantize(values, bounds, ranges, bits)
    again = _dequantize(symbols, ranges, bounds)
    steps = np.repeat(ranges.steps(), np.diff(bounds), axis=1)
    worst = 0.5 if bits >= 8 else 1.0  # below 8 bits the ends may clip by another half
    assert (np.abs(again - values) <= worst * steps + np.spacing(np.abs(values))).all()
    np.testing.assert_array_equal(quantize(again, bounds, ranges, bits), symbols)


def _dequantize(symbols, ranges, bounds):
    parts = [
        dequantize_rows(symbols[:, a:b], ranges, i).T for i, (a, b) in enumerate(pairwise(bounds))
    ]
    return np.concatenate(parts, axis=1)


@many
@given(st.floats(width=32, allow_nan=False, min_value=-1000, max_value=1000), st.integers(1, 16))
def test_a_constant_channel_is_exact(value, bits):
    values = np.full((1, 10), value, np.float32)
    bounds = segment_bounds(10, 1)
    ranges = fit_ranges(values, bounds, bits)
    again = _dequantize(quantize(values, bounds, ranges, bits), ranges, bounds)
    np.testing.assert_allclose(again, values, rtol=0, atol=1e-29)


def test_zero_is_exact_where_a_range_holds_it():
    values = np.random.default_rng(3).laplace(0, 0.03, (4, 400)).astype(np.float32)
    values[:, ::7] = 0
    bounds = segment_bounds(400, 3)
    ranges = fit_ranges(values, bounds, 4)
    again = _dequantize(quantize(values, bounds, ranges, 4), ranges, bounds)
    assert (again[:, ::7] == 0).all()


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 8])
def test_fitted_ranges_beat_the_extremes_on_laplace_tails(bits):
    values = np.random.default_rng(3).laplace(0, 0.03, (6, 4000)).astype(np.float32)
    bounds = segment_bounds(4000, 5)
    low = np.minimum.reduceat(values, bounds[:-1], axis=1).astype(float)
    high = np.maximum.reduceat(values, bounds[:-1], axis=1).astype(float)

    def error(ranges):
        again = _dequantize(quantize(values, bounds, ranges, bits), ranges, bounds)
        return float(((again - values) ** 2).mean())

    fitted = error(fit_ranges(values, bounds, bits))
    assert fitted <= error(make_ranges(low, high, bits)) * {2: 0.45, 3: 0.55, 4: 0.85}.get(bits, 1)


def test_weights_move_the_range_towards_what_counts():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 900), rng.normal(0, 8, 100)]).astype(np.float32)
    rng.shuffle(values)
    heavy = (np.abs(values) < 3).astype(np.float32) + np.float32(1e-3)
    bounds = segment_bounds(1000, 1)

    def error_of_heavy(weights):
        ranges = fit_ranges(values[None], bounds, 4, weights)
        again = _dequantize(quantize(values[None], bounds, ranges, 4), ranges, bounds)[0]
        return float((heavy * (again - values) ** 2).sum())

    assert error_of_heavy(heavy) < 0.5 * error_of_heavy(None)


def test_empty_segments_get_legal_ranges():
    values = np.ones((2, 3), np.float32)
    ranges = fit_ranges(values, np.array([0, 0, 3, 3]), 4)
    check_ranges(ranges, "test")
    assert ranges.scales.shape == (2, 3)
    check_ranges(fit_ranges(values[:, :0], np.array([0, 0]), 4), "test")


@pytest.mark.parametrize("scale", [0, 0x8000, 0x7F80, 0x7FC0, 0xFF80, 0xBF80])
def test_an_illegal_scale_is_corrupt(scale):
    with pytest.raises(Corrupt):
        check_ranges(Ranges(np.array([[scale]], np.uint16), np.zeros((1, 1), np.int32)), "test")


def test_an_illegal_zero_point_is_corrupt():
    ranges = Ranges(to_scales(np.ones((1, 1))), np.array([[2**24 + 1]], np.int32))
    with pytest.raises(Corrupt):
        check_ranges(ranges, "test")


def test_segments_cover_all_rows_once():
    for n, asked in ((0, 100), (1, 100), (127, 100), (128, 1), (300_000, 100), (10**6, 65_535)):
        bounds = segment_bounds(n, segment_count(n, asked))
        assert bounds[0] == 0
        assert bounds[-1] == n
        assert (np.diff(bounds) >= min(n, 1)).all()
        assert len(bounds) - 1 <= asked


def test_there_are_24_turns_of_a_cube():
    assert len(CUBE_TURNS) == 24
    matrices = quats_to_matrices(CUBE_TURNS).round(6)
    assert len({m.tobytes() for m in matrices + 0.0}) == 24


@many
@given(seeds)
def test_renaming_axes_keeps_the_ellipsoid(seed):
    rng = np.random.default_rng(seed)
    quats = rng.normal(0, 1, (8, 4)).astype(np.float32)
    log_scales = rng.normal(-3, 2, (8, 3)).astype(np.float32)
    turned, scales = nearest_orientation(quats, log_scales)
    assert turned[:, 0].min() > 0.85
    before, after = (_covariance(q, s) for q, s in ((quats, log_scales), (turned, scales)))
    norms = np.abs(before).max(axis=(1, 2), keepdims=True)
    assert (np.abs(after - before) <= 1e-6 * norms).all()
    filled = turned.copy()
    filled[:, 0] = 0
    fill_w(filled)
    np.testing.assert_allclose(filled, turned, atol=2e-7)


def _covariance(quats, log_scales):
    axes = quats_to_matrices(quats.astype(float)) * np.exp(log_scales.astype(float))[:, None]
    return axes @ axes.transpose(0, 2, 1)


def test_a_plan_is_json_and_checked():
    plan = SegmentPlan(segments=7, sh=2, codec="zstd", level=9)
    assert SegmentPlan.from_dict(plan.to_dict()) == plan
    assert plan.with_bits({"opacity_logits": 5, "sh": 3}).to_dict() == {
        **plan.to_dict(),
        "opacity": 5,
        "sh": 3,
    }
    for wrong in ({"sh": 0}, {"dc": 17}, {"means": 8.0}, {"segments": 0}, {"level": 23}):
        with pytest.raises(UsageError):
            SegmentPlan.from_dict(wrong)
    for wrong in ({"codec": "pickle"}, {"colour": 4}, {"sh": True}):
        with pytest.raises(UsageError):
            SegmentPlan.from_dict(wrong)

# SPDX-License-Identifier: Apache-2.0
"""Quantisers: steps that do what their mathematics says, and symbols that stay what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexgs.errors import SceneError
from flexgs.image.coding import steps
from flexgs.image.coding.symbols import (
    Plan,
    bits_of_places,
    dequantise,
    from_luma,
    quantise,
    shapes_of,
    to_luma,
)
from flexgs.image.model import ImageSplats
from flexgs.image.render import render


def random_splats(n, width=160, height=96, channels=3, seed=0, spread=0.5):
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.normal(1.3, spread, (n, 2)))
    angle = rng.uniform(0, np.pi, n)
    c, s = np.cos(angle), np.sin(angle)
    xx = (scales[:, 0] * c) ** 2 + (scales[:, 1] * s) ** 2
    xy = (scales[:, 0] ** 2 - scales[:, 1] ** 2) * c * s
    l11 = np.sqrt(xx)
    cholesky = np.stack([l11, xy / l11, scales.prod(axis=1) / l11], axis=1)
    means = rng.uniform(0, 1, (n, 2)) * [width, height]
    colors = rng.laplace(0, 0.25, (n, channels))
    return ImageSplats(means, cholesky, colors, None, width, height)


def plan_of(splats, quality=-16, **changes):
    return Plan(splats.width, splats.height, splats.channels, quality, **changes)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("quality", [-60, -16, 8])
def test_what_is_stored_is_stored_as_itself(channels, quality):
    splats = random_splats(300, channels=channels, seed=quality + 100)
    plan = plan_of(splats, quality)
    symbols = quantise(plan, splats)
    again = quantise(plan, dequantise(plan, symbols))
    alive = symbols.amplitudes.any(axis=1)
    assert alive.sum() > 100
    for name in ("cells", "amplitudes", "sizes", "ratios", "places"):
        assert np.array_equal(getattr(symbols, name)[alive], getattr(again, name)[alive]), name
    turned = shapes_of(plan, symbols)[1] > 0
    assert np.array_equal(symbols.angles[alive & turned], again.angles[alive & turned])


@pytest.mark.parametrize("part", ["amplitude", "size", "ratio", "angle", "place"])
def test_each_value_adds_the_error_that_its_step_was_made_for(part):
    """Q^2 / 12 a value: the closed integrals, checked against pictures of lone Gaussians."""
    splats = random_splats(400, 64, 64, channels=1, spread=0.35)
    middle = np.random.default_rng(1).uniform(28, 36, (400, 2))
    splats = replace(splats, means=middle, colors=0.4 + 0.6 * np.abs(splats.colors))
    plan = plan_of(splats, -32)
    stored = dequantise(plan, quantise(plan, splats))
    mixed = _with_part(splats, stored, part)
    total = 0.0
    for k in range(splats.n):
        total += float(((render(mixed.select([k])) - render(splats.select([k]))) ** 2).sum())
    values = {"place": 2}.get(part, 1)
    share = total / splats.n / (values * plan.step**2 / 12)
    assert 0.5 < share < 1.6


def _with_part(splats, stored, part):
    """`splats` with one kind of value as stored; amplitudes are peak times size."""
    size, ratio, angle = _polar(splats.cholesky)
    size_s, ratio_s, angle_s = _polar(stored.cholesky)
    amplitude = splats.colors * np.exp2(size)[:, None]
    means = stored.means if part == "place" else splats.means
    if part == "amplitude":
        amplitude = stored.colors * np.exp2(size_s)[:, None]
    if part == "size":
        size = size_s
    if part == "ratio":
        ratio = ratio_s
    if part == "angle":
        angle = angle_s
    long, short = np.exp2(2 * size + ratio), np.exp2(2 * size - ratio)
    c, s = np.cos(angle), np.sin(angle)
    l11 = np.sqrt(long * c * c + short * s * s)
    cholesky = np.stack([l11, (long - short) * c * s / l11, np.exp2(2 * size) / l11], axis=1)
    colors = amplitude / np.exp2(size)[:, None]
    return replace(splats, means=means, cholesky=cholesky, colors=colors)


def _polar(cholesky):
    l11, l21, l22 = cholesky.T.astype(np.float64)
    size = 0.5 * np.log2(l11 * l22)
    half, cross = 0.5 * (l11**2 - l21**2 - l22**2), l11 * l21
    longer = 0.5 * (l11**2 + l21**2 + l22**2) + np.hypot(half, cross)
    return size, np.log2(longer) - 2 * size, 0.5 * np.arctan2(cross, half)


def test_weak_gaussians_get_fewer_bits():
    splats = random_splats(200)
    plan = plan_of(splats)
    strong = bits_of_places(plan, quantise(plan, splats))
    weak = replace(splats, colors=splats.colors / 8)
    assert bits_of_places(plan, quantise(plan, weak)).mean() < strong.mean() - 1


def test_luma_is_orthonormal():
    colors = np.random.default_rng(0).normal(size=(50, 3))
    luma = to_luma(colors)
    assert np.allclose(np.linalg.norm(luma, axis=1), np.linalg.norm(colors, axis=1))
    assert np.allclose(from_luma(luma), colors)


def test_opacities_are_refused():
    splats = replace(random_splats(3), opacities=np.full(3, 0.5))
    with pytest.raises(SceneError, match="opacities"):
        quantise(plan_of(splats), splats)


def test_no_table_entry_is_near_a_tie():
    """So that any machine's double precision makes the same integers."""
    turns = np.arange(steps.TURN) * (np.pi / steps.TURN)
    for values in (np.cos(turns) * 2**24, np.sin(turns) * 2**24):
        distance = np.abs(values - np.floor(values) - 0.5)
        assert distance.min() > 1e-6
    assert steps.STEPS[[0, 16, 160]].tolist() == [1, 2, 1024]

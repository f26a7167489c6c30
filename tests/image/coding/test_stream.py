# SPDX-License-Identifier: Apache-2.0
"""Integers to bytes and back."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flexgs.errors import Corrupt, FormatError
from flexgs.image.coding.cells import cell_order
from flexgs.image.coding.priors import PATH
from flexgs.image.coding.refining import refine
from flexgs.image.coding.stream import canonical, decode_stream, encode_stream
from flexgs.image.coding.symbols import Plan, Symbols, dequantise, empty_symbols, quantise
from flexgs.image.render import render
from tests.image.coding.test_symbols import plan_of, random_splats

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("n", [0, 1, 2, 9, 500])
def test_round_trip(channels, n):
    splats = random_splats(n, channels=channels, seed=n)
    for quality, cell in ((-40, 0), (-16, 2), (0, 7)):
        plan = plan_of(splats, quality, cell_bits=cell, size_bias=2, place_bias=-3)
        symbols = canonical(plan, quantise(plan, splats))
        payload = encode_stream(plan, symbols)
        assert decode_stream(plan, len(symbols.cells), payload).same(symbols)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 900), (65_536, 1), (33, 17)])
def test_any_size_of_image(width, height):
    splats = random_splats(60, width, height)
    plan = plan_of(splats, cell_bits=1)
    symbols = canonical(plan, quantise(plan, splats))
    assert decode_stream(plan, len(symbols.cells), encode_stream(plan, symbols)).same(symbols)


def test_extreme_values():
    rng = np.random.default_rng(0)
    plan = Plan(4096, 4096, 3, -160, 7, -8, -8, 7, 3)
    symbols = empty_symbols(300, 3)
    symbols.amplitudes[:] = rng.integers(-(1 << 19), 1 << 19, (300, 3))
    symbols.sizes[:] = rng.integers(-500, 3000, 300)
    symbols.ratios[:] = rng.integers(0, 500, 300)
    symbols.cells[:] = rng.integers(0, 512, (300, 2))
    rows = canonical(plan, symbols)
    assert decode_stream(plan, 300, encode_stream(plan, rows)).same(rows)
    dequantise(plan, rows)  # legal whatever the symbols are


def test_the_order_of_a_set_costs_nothing():
    splats = random_splats(400)
    plan = plan_of(splats)
    shuffled = splats.select(np.random.default_rng(3).permutation(400))
    one, other = (canonical(plan, quantise(plan, each)) for each in (splats, shuffled))
    assert one.same(other)


def test_cells_cost_what_a_set_costs():
    """Uniform places of n in m cells: log2 of (m over n), and not n times log2 m."""
    rng = np.random.default_rng(0)
    n, plan = 2000, Plan(512, 512, 1, -16, cell_bits=2)
    symbols = empty_symbols(n, 1)
    symbols.cells[:] = rng.integers(0, 128, (n, 2))
    symbols.amplitudes[:] = 1
    bits = 8 * len(encode_stream(plan, canonical(plan, symbols)))
    symbols.cells[:] = 0
    bits -= 8 * len(encode_stream(plan, canonical(plan, symbols)))
    ideal = n * np.log2(128 * 128) - sum(np.log2(np.arange(1, n + 1)))
    assert bits < 1.15 * ideal


def test_cell_order_is_the_order_of_halving():
    cells = np.array([[0, 0], [1, 0], [0, 1], [3, 0], [2, 1]], np.int32)
    keys = cell_order(cells, 4, 2)
    assert np.argsort(keys).tolist() == [0, 2, 1, 4, 3]


def test_damage_ends_in_an_error_or_in_other_symbols():
    splats = random_splats(80)
    plan = plan_of(splats)
    symbols = canonical(plan, quantise(plan, splats))
    payload = encode_stream(plan, symbols)
    rng = np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(payload)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        try:
            other = decode_stream(plan, len(symbols.cells), bytes(bad))
        except FormatError:
            continue
        assert not other.same(symbols)
        dequantise(plan, other)
    with pytest.raises(Corrupt):
        decode_stream(plan, len(symbols.cells), payload + b"\1")


def test_sweeps_lower_error_and_bytes():
    splats = random_splats(150, 64, 64)
    image = render(splats)
    plan = plan_of(splats, -8)
    before = canonical(plan, quantise(plan, splats))
    after = before
    for _ in range(3):
        after = refine(plan, after, image)

    def cost(symbols: Symbols) -> float:
        error = float(((render(dequantise(plan, symbols)) - image) ** 2).sum())
        return error + 0.08 * plan.step**2 * 8 * len(encode_stream(plan, symbols))

    assert cost(after) < 0.9 * cost(before)


def test_the_priors_are_those_of_the_format():
    digest = hashlib.sha256(PATH.read_bytes()).hexdigest()
    assert digest in (ROOT / "docs" / "format.md").read_text(encoding="utf-8")


def test_decoding_needs_no_torch():
    code = "import sys, flexgs.image.file; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

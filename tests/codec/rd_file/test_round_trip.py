# SPDX-License-Identifier: Apache-2.0
"""Symbols of the `rd` profile -> file -> symbols: what `pack_rd` promises."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from flexgs.codec import (
    decode_splats,
    describe,
    pack_rd,
    rd_chunk_bounds,
    read_fgs,
    verify,
    write_fgs,
)
from flexgs.codec.rd.geometry_values import dequantise_geometry
from flexgs.codec.rd_file import head
from flexgs.codec.rd_file.decode import read_rd_symbols
from flexgs.codec.rd_file.plain import columns_from_bytes, columns_to_bytes
from flexgs.errors import TooLarge, UsageError
from flexgs.limits import Limits
from flexgs.quant.adaptive.colour_values import dequantise_colours

FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")


def same(a, b):
    return all(np.array_equal(getattr(a, field), getattr(b, field)) for field in FIELDS)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 400])
def test_the_file_gives_back_the_values_of_the_symbols(n, degree, symbols, file):
    plan, geometry, colour_plan, colours = symbols(n, degree, 1e-3, 1)
    splats = decode_splats(file(n, degree))
    values = dequantise_geometry(plan, geometry)
    for field in FIELDS[:4]:
        np.testing.assert_array_equal(getattr(splats, field), getattr(values, field), field)
    expected = dequantise_colours(colour_plan, colours, values.features)
    np.testing.assert_array_equal(splats.sh, expected)
    assert (splats.n, splats.degree, splats.model) == (n, degree, "3dgs")


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(head, "WHOLE_ROWS", 100)
    monkeypatch.setattr(head, "CHUNK_ROWS", 200)


def test_chunks_decode_to_the_same_with_any_number_of_threads(small_chunks, symbols):
    arguments = symbols(1700, 2, 2e-3, 5)
    data = pack_rd(*arguments, threads=1)
    assert describe(data).chunks == 10
    assert rd_chunk_bounds(1700).tolist() == list(range(0, 1701, 170))
    for threads in (2, 4):
        assert pack_rd(*arguments, threads=threads) == data
    alone = decode_splats(data, threads=1)
    for threads in (2, 4, None):
        assert same(decode_splats(data, threads=threads), alone)


def test_a_broken_chunk_is_named(small_chunks, symbols, repair):
    data = pack_rd(*symbols(1700, 2, 2e-3, 5))
    parts = repair.take_apart(data)
    row = next(i for i, (f, _) in enumerate(parts) if f[0] == 0x83 and f[3] == 4)
    fields, payload = parts[row]
    parts[row] = (fields, payload[:-3])
    fields[7] -= 3
    with pytest.raises(Exception, match="chunk 3"):
        decode_splats(repair.put_together(parts))


def test_describe_accounts_for_every_byte(file):
    data = file(400)
    info = verify(data)
    assert describe(memoryview(data)) == info
    assert (info.profile, info.n, info.d, info.degree, info.chunks) == ("rd", 400, 3, 3, 1)
    assert sum(info.bytes_by_attribute.values()) == info.total_bytes == len(data)
    attributes = {"means", "opacity_logits", "log_scales", "quats", "dc", "sh"}
    assert set(info.bytes_by_attribute) == attributes | {"container", "metadata"}
    assert info.metadata == {"made": "up"}
    assert (info.plan, info.segments) == (None, 0)


def test_files_on_disk(tmp_path, file):
    path = tmp_path / "scene.fgs"
    write_fgs(path, file(400))
    assert same(read_fgs(path), decode_splats(file(400)))


def test_the_model_is_kept(symbols):
    assert decode_splats(pack_rd(*symbols(20, 1, 1e-3, 2), "mip")).model == "mip"
    with pytest.raises(UsageError, match="model"):
        pack_rd(*symbols(20, 1, 1e-3, 2), "2dgs")


def test_colours_of_other_gaussians_are_refused(symbols):
    plan, geometry, colour_plan, colours = symbols(20, 1, 1e-3, 2)
    fewer = colours.select(slice(1, None))
    with pytest.raises(UsageError, match="colours"):
        pack_rd(plan, geometry, colour_plan, fewer)
    with pytest.raises(UsageError, match="colours"):
        pack_rd(plan, geometry, replace(colour_plan, degree=2), colours)


def test_copies_take_next_to_nothing(symbols):
    plan, geometry, colour_plan, colours = symbols(1, 3, 1e-3, 3)
    rows = np.zeros(5000, np.int64)
    copies = colours.select(rows)
    data = pack_rd(plan, geometry.select(rows), colour_plan, copies)
    assert decode_splats(data).n == 5000
    assert len(data) < 3000


def test_limits_hold_before_decoding(file):
    with pytest.raises(TooLarge):
        decode_splats(file(400), Limits(max_gaussians=399))


def test_symbols_can_be_read_back(symbols, file):
    plan, geometry, colour_plan, colours = symbols(400, 3, 1e-3, 1)
    found, chunks = read_rd_symbols(file(400))
    np.testing.assert_array_equal(chunks[0].geometry.places, geometry.places)
    np.testing.assert_array_equal(chunks[0].colours.sh, colours.sh)
    assert found.colours == colour_plan
    assert head.write_rd_head(found) == head.write_rd_head(replace(found, geometry=plan))


def test_plain_columns_survive():
    values = np.random.default_rng(0).integers(-(2**31), 2**31, (50, 3)).astype(np.int32)
    assert np.array_equal(columns_from_bytes(columns_to_bytes(values), 3), values)
    none = np.zeros((0, 4), np.int32)
    assert columns_from_bytes(columns_to_bytes(none), 4).shape == (0, 4)


SCRIPT = """
import sys, hashlib
sys.path.insert(0, {tests!r})
from conftest import make_file
print(hashlib.sha256(make_file(700, 2)).hexdigest())
"""


def test_bytes_do_not_depend_on_the_process(file):
    script = SCRIPT.format(tests=os.path.dirname(__file__))
    env = {**os.environ, "PYTHONHASHSEED": "3", "OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == hashlib.sha256(file(700, 2)).hexdigest()


def test_only_decoding_loads_the_kernels(tmp_path, file):
    path = tmp_path / "a.fgs"
    path.write_bytes(file(2))
    code = (
        "import sys; from pathlib import Path; from flexgs.codec import describe, read_fgs;"
        "describe(Path(sys.argv[1]).read_bytes()); print('numba' in sys.modules);"
        "read_fgs(sys.argv[1]); heavy = {'torch', 'plyfile', 'PIL', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["False", "[]"]

# SPDX-License-Identifier: Apache-2.0
"""Scenes of the `rd` profile, made up with their errors, and the files they become."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from flexgs.codec import pack_rd, rd_chunk_bounds
from flexgs.codec.rd.colours import quantise_colours
from flexgs.codec.rd.geometry_choice import quantise_geometry
from flexgs.codec.rd.geometry_values import dequantise_geometry
from flexgs.core import Splats


def make_splats(n: int, degree: int, seed: int, model: str = "3dgs") -> Splats:
    """A cloud with smooth colours."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(n, 3)) * np.exp(rng.normal(size=(n, 1)))
    sh = rng.normal(0, 0.1, (n, (degree + 1) ** 2, 3))
    sh[:, 0] = np.sin(means[:, :1] + [0, 1, 2])
    return Splats(
        means,
        rng.normal(-4, 1.5, (n, 3)),
        rng.normal(size=(n, 4)),
        rng.normal(0, 2, n),
        sh,
        model,  # type: ignore[arg-type]
    )


@cache
def symbols_of(n: int, degree: int, lam: float, seed: int) -> tuple:
    """Plans and symbols in the order of `pack_rd`'s arguments."""
    splats = make_splats(n, degree, seed)
    rng = np.random.default_rng(seed + 1)
    roots = rng.normal(size=(n, 10, 14)) * np.exp(rng.normal(size=(n, 1, 1)))
    roots[:, :3] *= 60.0  # positions are felt more
    fisher = np.einsum("nij,nkj->nik", roots, roots).astype(np.float32)
    plan, symbols, order = quantise_geometry(splats, fisher, lam)
    features = dequantise_geometry(plan, symbols).features
    k = (degree + 1) ** 2
    basis = rng.normal(size=(n, 8, k)) * 3.0
    basis[:, :, 0] = 2.8
    rows, columns = np.tril_indices(k)
    blocks = np.einsum("nvi,nvj->nij", basis, basis)[:, rows, columns].astype(np.float32)
    bounds = rd_chunk_bounds(n)
    colours = quantise_colours(splats.sh[order], blocks, features, symbols.cells, bounds, lam)
    return (plan, symbols, *colours)


@cache
def make_file(n: int, degree: int = 3, lam: float = 1e-3, seed: int = 1) -> bytes:
    """One file."""
    return pack_rd(*symbols_of(n, degree, lam, seed), metadata={"made": "up"})


@pytest.fixture
def symbols() -> Callable[[int, int, float, int], tuple]:
    """`symbols_of`."""
    return symbols_of


@pytest.fixture
def file() -> Callable[..., bytes]:
    """`make_file`."""
    return make_file


@pytest.fixture(scope="session")
def repair() -> ModuleType:
    """tests/codec/repair.py."""
    path = Path(__file__).resolve().parents[1] / "repair.py"
    spec = importlib.util.spec_from_file_location("repair", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

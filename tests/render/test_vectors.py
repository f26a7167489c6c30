# SPDX-License-Identifier: Apache-2.0
"""Numba loses its vectors silently: the machine code of the inner loops must be packed."""

from __future__ import annotations

import platform
import re

import numba as nb
import numpy as np
import pytest

from flexgs.render.cpu import blend, rows
from flexgs.render.cpu.common import AREA, KERNEL

ROWS = (blend._blend_row, rows.removal_row, rows.gradient_row, rows.misfit_row, rows.fisher_row)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly")
@pytest.mark.parametrize("kernel", ROWS, ids=lambda kernel: kernel.py_func.__name__)
def test_a_row_is_computed_in_vectors(kernel: nb.core.dispatcher.Dispatcher) -> None:
    fresh = nb.njit(**{**KERNEL, "cache": False})(kernel.py_func)  # a cached one has no assembly
    one = np.float32(0.5)
    fresh(np.ones(7 * AREA, np.float32), np.uint64(16), one, one, one, one, one, one, one, one)
    assembly = next(iter(fresh.inspect_asm().values()))
    packed = len(re.findall(r"\bv?(?:fn?madd\d+|mul|add)ps\b", assembly))
    scalar = len(re.findall(r"\bv?(?:fn?madd\d+|mul)ss\b", assembly))
    assert packed >= 15
    assert packed > 3 * scalar

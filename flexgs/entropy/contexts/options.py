# SPDX-License-Identifier: Apache-2.0
"""Compile options of every kernel that codes: integers only, no lock held."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit

Int: TypeAlias = int | np.int64  # one type to the compiler: int64


def _probe() -> None:
    """Stands for any function of this package."""


def _can_cache() -> bool:
    """False where numba may keep compiled code neither beside the package nor with the user."""
    try:
        njit(cache=True)(_probe)
    except RuntimeError:
        return False
    return True


CODING: dict[str, Any] = {"cache": _can_cache(), "error_model": "numpy", "nogil": True}
# Small functions that must vanish into their callers: a call passes four arrays of seven words.
INLINED: dict[str, Any] = {**CODING, "forceinline": True}

# SPDX-License-Identifier: Apache-2.0
"""Whether compiled kernels can be kept between runs."""

from __future__ import annotations

from numba import njit


def _probe() -> None:
    """Stands for any function of this package."""


def can_cache() -> bool:
    """False where numba may write neither beside the package nor in the user's folder.

    With `cache=True` it then refuses every function at import, in containers with a read-only file
    system for one. Compiling at each run is slower, and works. NUMBA_CACHE_DIR names a folder.
    """
    try:
        njit(cache=True)(_probe)
    except RuntimeError:
        return False
    return True


CACHE = can_cache()

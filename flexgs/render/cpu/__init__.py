# SPDX-License-Identifier: Apache-2.0
"""The CPU renderer: numba kernels for forward, backward, diag(J^T J) and removal errors."""

import os

# OpenMP reads this when its first threads start. Waiting threads spin by default, which on cores
# shared with other processes makes a small render up to fifty times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from flexgs.render.cpu.renderer import CpuRenderer  # after the setting above

__all__ = ["CpuRenderer"]

# SPDX-License-Identifier: Apache-2.0
"""The CPU renderer: numba kernels for forward, backward, diag(J^T J) and removal errors."""

from flexgs.render.cpu.renderer import CpuRenderer

__all__ = ["CpuRenderer"]

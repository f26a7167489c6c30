# SPDX-License-Identifier: Apache-2.0
"""Which renderer runs on this machine. Imports one only when it is asked for."""

from __future__ import annotations

from flexgs.errors import UsageError
from flexgs.render.cuda_support import require_cuda, why_no_cuda
from flexgs.render.protocol import Renderer


def get_renderer(device: str = "auto", threads: int | None = None) -> Renderer:
    """A renderer for `device`: "cpu", "cuda", or "auto" (CUDA where it works, else the CPU).

    Args:
        threads: CPU threads; None takes all cores.

    Raises:
        UsageError: unknown device, or CUDA asked for and not possible.

    >>> get_renderer("tpu")
    Traceback (most recent call last):
    flexgs.errors.UsageError: unknown device 'tpu' (expected auto | cpu | cuda, found tpu)
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"unknown device {device!r}", expected="auto | cpu | cuda", found=device)
    if device == "cuda" or (device == "auto" and why_no_cuda() is None):
        require_cuda()
        from flexgs.render.cuda import CudaRenderer

        return CudaRenderer()
    from flexgs.render.cpu import CpuRenderer

    return CpuRenderer(threads=threads)

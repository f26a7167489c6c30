# SPDX-License-Identifier: Apache-2.0
"""Which renderer runs on this machine. Imports one only when it is asked for."""

from __future__ import annotations

from importlib.util import find_spec

from flexgs.errors import UsageError
from flexgs.render.protocol import Renderer


def why_no_cuda() -> str | None:
    """The reason that CUDA rendering is not possible here, None when it is.

    Looks whether gsplat is installed, but does not import it (that may start a compiler).
    """
    for package in ("torch", "gsplat"):
        if find_spec(package) is None:
            return f"{package} is not installed"
    import torch

    return None if torch.cuda.is_available() else "torch finds no CUDA device"


def require_cuda() -> None:
    """Raises UsageError with what to install when CUDA rendering is not possible here."""
    reason = why_no_cuda()
    if reason is not None:
        raise UsageError(
            "cannot render with CUDA on this machine",
            expected="torch with CUDA, gsplat and an NVIDIA GPU",
            found=reason,
            hint="Use --device cpu, or install the extra: pip install 'flexgs[cuda]'",
        )


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

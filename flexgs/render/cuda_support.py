# SPDX-License-Identifier: Apache-2.0
"""Whether this machine can render with CUDA, and what to say when it cannot."""

from __future__ import annotations

from importlib.util import find_spec

from flexgs.errors import UsageError


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

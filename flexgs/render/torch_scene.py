# SPDX-License-Identifier: Apache-2.0
"""`Splats` as torch tensors, and the activations in front of a differentiable rasteriser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from flexgs.core import Camera, Splats
from flexgs.core.sh import C1, C2, C3, SH_C0
from flexgs.core.splats import Model


@dataclass(frozen=True, eq=False)
class TorchSplats:
    """The arrays of `Splats` on a device; same names, same domains."""

    means: Tensor  # (n, 3)
    log_scales: Tensor  # (n, 3)
    quats: Tensor  # (n, 4)
    opacity_logits: Tensor  # (n,)
    sh: Tensor  # (n, k, 3)
    model: Model


@dataclass(frozen=True, eq=False)
class Activated:
    """What a rasteriser takes: nothing in logs, logits or harmonics any more."""

    means: Tensor  # (n, 3)
    quats: Tensor  # (n, 4)
    scales: Tensor  # (n, 3)
    opacities: Tensor  # (n,)
    colours: Tensor  # (n, 3)
    model: Model


Rasterize = Callable[[Activated, Camera], Tensor]  # -> (h, w, 3), differentiable


def upload(splats: Splats, device: torch.device, dtype: torch.dtype = torch.float32) -> TorchSplats:
    """Copies of the arrays on `device`."""

    def tensor(name: str) -> Tensor:
        return torch.tensor(getattr(splats, name), device=device, dtype=dtype)

    return TorchSplats(
        means=tensor("means"),
        log_scales=tensor("log_scales"),
        quats=tensor("quats"),
        opacity_logits=tensor("opacity_logits"),
        sh=tensor("sh"),
        model=splats.model,
    )


def view_directions(means: Tensor, camera: Camera) -> Tensor:  # (n, 3) -> (n, 3) unit
    """Directions from the camera to the Gaussians."""
    center = torch.tensor(camera.center.copy(), device=means.device, dtype=means.dtype)
    return torch.nn.functional.normalize(means - center, dim=1)


def sh_basis(directions: Tensor, degree: int) -> Tensor:  # (n, 3) unit -> (n, (degree + 1)^2)
    """`flexgs.core.sh.sh_basis` with gradients; degrees 0 to 3.

    >>> sh_basis(torch.tensor([[0.0, 0.0, 1.0]]), 1).shape
    torch.Size([1, 4])
    """
    x, y, z = directions.unbind(1)
    columns = [torch.full_like(x, SH_C0)]
    if degree >= 1:
        columns += [-C1 * y, C1 * z, -C1 * x]
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        columns += [C2[0] * x * y, -C2[0] * y * z, C2[1] * (2 * zz - xx - yy)]
        columns += [-C2[0] * x * z, C2[2] * (xx - yy)]
    if degree >= 3:
        columns += [-C3[0] * y * (3 * xx - yy), C3[1] * x * y * z, -C3[2] * y * (4 * zz - xx - yy)]
        columns += [C3[3] * z * (2 * zz - 3 * xx - 3 * yy), -C3[2] * x * (4 * zz - xx - yy)]
        columns += [C3[4] * z * (xx - yy), -C3[0] * x * (xx - 3 * yy)]
    if degree >= 4:
        raise ValueError(f"spherical harmonics of degree {degree} are not supported (0 to 3 are)")
    return torch.stack(columns, dim=1)


def sh_colours(basis: Tensor, sh: Tensor) -> Tensor:  # (n, k), (n, k, 3) -> (n, 3)
    """max(0, 0.5 + sum_k Y_k sh_k)."""
    return (0.5 + torch.einsum("nk,nkc->nc", basis, sh)).clamp_min(0)


def degree_of(sh: Tensor) -> int:  # (n, k, 3)
    """Degree of the harmonics that `sh` holds."""
    return int(sh.shape[1] ** 0.5 + 0.5) - 1


def activate(splats: TorchSplats, camera: Camera) -> Activated:
    """Everything a rasteriser takes, differentiable in every parameter."""
    basis = sh_basis(view_directions(splats.means, camera), degree_of(splats.sh))
    return Activated(
        means=splats.means,
        quats=splats.quats,
        scales=splats.log_scales.exp(),
        opacities=splats.opacity_logits.sigmoid(),
        colours=sh_colours(basis, splats.sh),
        model=splats.model,
    )

# SPDX-License-Identifier: Apache-2.0
"""A plain float64 rasteriser with autograd: the oracle that the real renderers are tested against.

Every Gaussian against every pixel: no tiles, no radii, no approximation of exp. Only for images of
a few thousand pixels and some tens of Gaussians. Written from gsplat's documented semantics
(docs/conventions.md), independently of flexgs/render.

How gsplat differentiates what is not smooth, all of it the same as autograd does here: the clamp of
x / z to the widened frustum passes the gradient to x inside (limits included) and, through
t = z * limit, to z outside; alpha passes none where the cap of 0.999 holds; culling, the order by
depth, the 1/255 threshold and the early stop are constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from flexgs.core import Camera, Splats

NEAR_PLANE = 0.01
BLUR = 0.3  # px^2 on the diagonal of the 2-D covariance
FRUSTUM_MARGIN = 0.3  # of the half field of view
ALPHA_CAP = 0.999
ALPHA_SKIP = 1 / 255
STOP = 1e-4  # transmittance

NAMES = ("means", "log_scales", "quats", "opacity_logits", "sh")


@dataclass(frozen=True)
class Leaves:
    """The parameters of `Splats` as float64 tensors."""

    means: Tensor  # (n, 3)
    log_scales: Tensor  # (n, 3)
    quats: Tensor  # (n, 4)
    opacity_logits: Tensor  # (n,)
    sh: Tensor  # (n, k, 3)
    model: str = "3dgs"

    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(getattr(self, name) for name in NAMES)


@dataclass(frozen=True)
class Projected:
    """What blending needs of every Gaussian, in the order of the scene."""

    xy: Tensor  # (n, 2) pixels
    conic: Tensor  # (n, 3) xx, xy, yy of the inverse covariance
    opacity: Tensor  # (n,) compensated for model "mip"
    depth: Tensor  # (n,)
    kept: Tensor  # (n,) bool, in front of the near plane


def leaves(splats: Splats, requires_grad: bool = False) -> Leaves:
    """Float64 copies of the parameters."""
    tensors = {
        name: torch.tensor(getattr(splats, name), dtype=torch.float64, requires_grad=requires_grad)
        for name in NAMES
    }
    return Leaves(**tensors, model=splats.model)


def rotation_matrices(quats: Tensor) -> Tensor:  # (n, 4) -> (n, 3, 3)
    w, x, y, z = (quats / quats.norm(dim=1, keepdim=True)).unbind(1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], 1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], 1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], 1),
    ]
    return torch.stack(rows, 1)


def sh_values(unit: Tensor, degree: int) -> Tensor:  # (n, 3) -> (n, (degree + 1)^2)
    """3DGS's basis, built from the associated Legendre form rather than from a table of products.

    Y_lm = N_lm P_l^|m|(z) * (cos, sin)(|m| phi) r^|m|, with sin for m < 0; 3DGS keeps the
    Condon-Shortley sign (-1)^m.
    """
    x, y, z = unit.unbind(1)
    cos, sin = [torch.ones_like(x)], [torch.zeros_like(x)]  # of m phi, times sin(theta)^m
    for _ in range(degree):
        c, s = cos[-1], sin[-1]
        cos.append(x * c - y * s)
        sin.append(x * s + y * c)
    legendre = {  # P_l^m(z) / sin(theta)^m without the Condon-Shortley sign
        (0, 0): torch.ones_like(z),
        (1, 0): z,
        (1, 1): torch.ones_like(z),
        (2, 0): (3 * z**2 - 1) / 2,
        (2, 1): 3 * z,
        (2, 2): 3 * torch.ones_like(z),
        (3, 0): (5 * z**3 - 3 * z) / 2,
        (3, 1): (15 * z**2 - 3) / 2,
        (3, 2): 15 * z,
        (3, 3): 15 * torch.ones_like(z),
    }
    columns = []
    for level in range(degree + 1):
        for m in range(-level, level + 1):
            a = abs(m)
            ratio = torch.exp(
                torch.lgamma(torch.tensor(level - a + 1.0, dtype=torch.float64))
                - torch.lgamma(torch.tensor(level + a + 1.0, dtype=torch.float64))
            )
            norm = ((2 * level + 1) / (4 * torch.pi) * ratio * (2 if a else 1)) ** 0.5
            angular = sin[a] if m < 0 else cos[a]
            columns.append((-1) ** a * norm * legendre[level, a] * angular)
    return torch.stack(columns, 1)


def colours(scene: Leaves, camera: Camera, detach_direction: bool = False) -> Tensor:  # (n, 3)
    center = torch.tensor(camera.center.copy())
    towards = (scene.means.detach() if detach_direction else scene.means) - center
    degree = int(round(scene.sh.shape[1] ** 0.5)) - 1
    basis = sh_values(towards / towards.norm(dim=1, keepdim=True), degree)
    return (0.5 + (basis[:, :, None] * scene.sh).sum(1)).clamp(min=0)


def project(scene: Leaves, camera: Camera) -> Projected:
    pose = torch.tensor(camera.world_to_camera.copy())
    rotation = pose[:3, :3]
    in_camera = scene.means @ rotation.T + pose[:3, 3]
    kept = in_camera[:, 2] >= NEAR_PLANE
    x, y, z = torch.where(kept[:, None], in_camera, torch.ones_like(in_camera)).unbind(1)

    half_x, half_y = 0.5 * camera.width / camera.fx, 0.5 * camera.height / camera.fy
    low_x = -(camera.cx / camera.fx + FRUSTUM_MARGIN * half_x)
    high_x = (camera.width - camera.cx) / camera.fx + FRUSTUM_MARGIN * half_x
    low_y = -(camera.cy / camera.fy + FRUSTUM_MARGIN * half_y)
    high_y = (camera.height - camera.cy) / camera.fy + FRUSTUM_MARGIN * half_y
    tx = z * (x / z).clamp(low_x, high_x)
    ty = z * (y / z).clamp(low_y, high_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [
            torch.stack([camera.fx / z, zero, -camera.fx * tx / z**2], 1),
            torch.stack([zero, camera.fy / z, -camera.fy * ty / z**2], 1),
        ],
        1,
    )
    axes = rotation_matrices(scene.quats) * scene.log_scales.exp()[:, None, :]
    factor = jacobian @ rotation @ axes  # (n, 2, 3), a square root of the 2-D covariance
    sharp = factor @ factor.transpose(1, 2)
    a, b, c = sharp[:, 0, 0] + BLUR, sharp[:, 0, 1], sharp[:, 1, 1] + BLUR
    det = a * c - b * b
    opacity = torch.sigmoid(scene.opacity_logits)
    if scene.model == "mip":
        sharp_det = sharp[:, 0, 0] * sharp[:, 1, 1] - sharp[:, 0, 1] ** 2
        opacity = opacity * (sharp_det / det).clamp(min=0).sqrt()
    xy = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], 1)
    return Projected(xy, torch.stack([c / det, -b / det, a / det], 1), opacity, z, kept)


def blend_weights(splats: Projected, camera: Camera) -> Tensor:  # (h * w, n) alpha T
    """Blending weight of every Gaussian in every pixel, in the order of the scene."""
    rows, columns = torch.meshgrid(
        torch.arange(camera.height, dtype=torch.float64) + 0.5,
        torch.arange(camera.width, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    dx = columns.reshape(-1, 1) - splats.xy[:, 0]
    dy = rows.reshape(-1, 1) - splats.xy[:, 1]
    xx, xy, yy = splats.conic.unbind(1)
    sigma = 0.5 * (xx * dx * dx + yy * dy * dy) + xy * dx * dy
    alpha = (splats.opacity * torch.exp(-sigma)).clamp(max=ALPHA_CAP)
    alpha = torch.where((alpha >= ALPHA_SKIP) & (sigma >= 0) & splats.kept, alpha, 0.0)

    order = torch.argsort(splats.depth.detach(), stable=True)
    left = torch.cumprod(1 - alpha[:, order], dim=1)  # transmittance behind each Gaussian
    before = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], dim=1)
    sorted_weights = torch.where(left > STOP, alpha[:, order] * before, 0.0)
    return sorted_weights[:, torch.argsort(order)]


def render(
    scene: Leaves,
    camera: Camera,
    detach_direction: bool = False,
) -> Tensor:  # (h, w, 3)
    """The image; `detach_direction` cuts the path from the means through the view direction."""
    weights = blend_weights(project(scene, camera), camera)
    image = weights @ colours(scene, camera, detach_direction)
    return image.reshape(camera.height, camera.width, 3)


def gradient(
    splats: Splats,
    camera: Camera,
    pixel_weights: Tensor,  # (h, w, 3)
) -> dict[str, Tensor]:
    """Gradient of sum(pixel_weights * image) by parameter."""
    scene = leaves(splats, requires_grad=True)
    loss = (pixel_weights.double() * render(scene, camera)).sum()
    return dict(zip(NAMES, torch.autograd.grad(loss, scene.tensors()), strict=True))


def squared_jacobian(
    function: Callable[[Leaves], Tensor],
    splats: Splats,
    chunk: int = 256,
) -> dict[str, Tensor]:
    """diag(J^T J) of `function`'s outputs, row by row of J (`chunk` rows at once)."""
    scene = leaves(splats, requires_grad=True)
    flat = function(scene).reshape(-1)
    totals = [torch.zeros_like(t) for t in scene.tensors()]
    for start in range(0, len(flat), chunk):
        rows = torch.zeros(min(chunk, len(flat) - start), len(flat), dtype=torch.float64)
        rows[torch.arange(len(rows)), start + torch.arange(len(rows))] = 1
        grads = torch.autograd.grad(
            flat, scene.tensors(), rows, retain_graph=True, is_grads_batched=True
        )
        for total, grad in zip(totals, grads, strict=True):
            total += (grad**2).sum(0)
    return dict(zip(NAMES, totals, strict=True))


def fisher(splats: Splats, camera: Camera, detach_direction: bool = False) -> dict[str, Tensor]:
    """diag(J^T J) of the image by brute force."""
    return squared_jacobian(lambda scene: render(scene, camera, detach_direction), splats)


Sums = Literal["colour_weights", "blend", "hits"]


def blending_sums(splats: Splats, camera: Camera) -> dict[Sums, Tensor]:
    """Per Gaussian: sum of (alpha T)^2, sum of alpha T, number of pixels."""
    weights = blend_weights(project(leaves(splats), camera), camera)
    return {
        "colour_weights": (weights**2).sum(0),
        "blend": weights.sum(0),
        "hits": (weights > 0).sum(0),
    }


def removal_errors(
    splats: Splats,
    camera: Camera,
    target: Tensor | None = None,  # (h, w, 3)
) -> Tensor:  # (n,)
    """Change of the squared error when each Gaussian alone is left out, by rendering without it.

    Without a target, of the squared error against the whole scene's own render.
    """
    scene = leaves(splats)
    whole = render(scene, camera)
    target = whole if target is None else target.double()
    errors = []
    for i in range(splats.n):
        keep = torch.arange(splats.n) != i
        rest = replace(scene, **{name: getattr(scene, name)[keep] for name in NAMES})
        errors.append(((render(rest, camera) - target) ** 2).sum())
    return torch.stack(errors) - ((whole - target) ** 2).sum()

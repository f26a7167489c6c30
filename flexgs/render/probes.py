# SPDX-License-Identifier: Apache-2.0
"""Gradients, and by random-sign probes the diagonal of J^T J, of any differentiable rasteriser.

With r_p = +-1 drawn independently for every pixel and channel, T_r = sum_p r_p C_p has
E[(dT_r / dtheta)^2] = sum_p (dC_p / dtheta)^2: one backward pass estimates the whole diagonal.

Source: M. F. Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1990.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flexgs.core import Camera
from flexgs.render.torch_scene import (
    Rasterize,
    TorchSplats,
    activate,
    degree_of,
    sh_basis,
    view_directions,
)

ALPHA_CAP = 0.999
GEOMETRY = ("means", "log_scales", "quats", "opacity_logits")


@dataclass(frozen=True, eq=False)
class ProbedContributions:
    """`Contributions` without the hits, on the device."""

    removal: Tensor  # (n,)
    signed: Tensor  # (n,)
    colour_weights: Tensor  # (n,)
    blend: Tensor  # (n,)


def probe_signs(camera: Camera, probes: int) -> npt.NDArray[np.int8]:  # (probes, h, w, 3)
    """Random signs that depend on nothing but the camera's name and size.

    >>> from flexgs.core.views import look_at
    >>> camera = Camera("a", 4, 3, 5, 5, 2, 1.5, look_at([0, 0, -1], [0, 0, 0], [0, -1, 0]))
    >>> signs = probe_signs(camera, 2)
    >>> signs.shape, bool((abs(signs) == 1).all())
    ((2, 3, 4, 3), True)
    """
    rng = np.random.default_rng(zlib.crc32(camera.name.encode()))
    shape = (probes, camera.height, camera.width, 3)
    size = int(np.prod(shape))
    bits = np.unpackbits(np.frombuffer(rng.bytes((size + 7) // 8), np.uint8), count=size)
    return (2 * bits.astype(np.int8) - 1).reshape(shape)


def _grads(image: Tensor, inputs: list[Tensor], weights: Tensor, keep: bool) -> list[Tensor]:
    """d sum(weights * image) / d inputs; zeros where the image does not depend on them."""
    if not image.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    grads = torch.autograd.grad(image, inputs, weights, retain_graph=keep, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(grads, inputs, strict=True)]


def gradients(
    rasterize: Rasterize,
    splats: TorchSplats,
    camera: Camera,
    pixel_weights: Tensor,  # (h, w, 3)
    groups: tuple[str, ...],  # names of `protocol.GROUPS`
) -> dict[str, Tensor]:
    """Gradient of sum(pixel_weights * image) by field; only the groups named are differentiated."""
    names = [name for name in GEOMETRY if name in groups]
    leaves = {name: getattr(splats, name).detach().requires_grad_() for name in names}
    dc = splats.sh[:, :1].detach().requires_grad_("dc" in groups)
    rest = splats.sh[:, 1:].detach().requires_grad_("sh" in groups)
    scene = replace(splats, **leaves, sh=torch.cat([dc, rest], dim=1))
    colour_leaves = [leaf for leaf in (dc, rest) if leaf.requires_grad]
    inputs = [*leaves.values(), *colour_leaves]

    result = {name: torch.zeros_like(getattr(splats, name)) for name in (*GEOMETRY, "sh")}
    if not inputs:
        return result
    image = rasterize(activate(scene, camera), camera)
    grads = _grads(image, inputs, pixel_weights, keep=False)
    result |= dict(zip(names, grads, strict=False))
    for leaf, grad in zip(colour_leaves, grads[len(names) :], strict=True):
        result["sh"][:, slice(0, 1) if leaf is dc else slice(1, None)] = grad
    return result


def probed_fisher(
    rasterize: Rasterize,
    splats: TorchSplats,
    camera: Camera,
    signs: Iterable[Tensor],  # (h, w, 3) each
) -> tuple[dict[str, Tensor], Tensor]:
    """diag(J^T J) by field and the colour weights S_iv, averaged over the probes.

    Colours are linear in the harmonics, so their part of the diagonal follows from S_iv, for which
    one probe holds three samples (one a channel).
    """
    leaves = {name: getattr(splats, name).detach().requires_grad_() for name in GEOMETRY}
    ready = activate(replace(splats, **leaves), camera)
    colours = ready.colours.requires_grad_()  # they depend on the means through the view direction
    image = rasterize(ready, camera)

    inputs = [*leaves.values(), colours]
    squares = [torch.zeros_like(x) for x in inputs]
    probes = 0
    for sign in signs:
        for total, grad in zip(squares, _grads(image, inputs, sign, keep=True), strict=True):
            total += grad**2
        probes += 1
    means = [total / probes for total in squares]
    diagonal = dict(zip(GEOMETRY, means, strict=False))
    weights = means[-1].mean(dim=1)
    basis = sh_basis(view_directions(splats.means, camera), degree_of(splats.sh))
    lit = (colours > 0).to(weights.dtype)  # a channel that is cut at 0 does not move
    diagonal["sh"] = torch.einsum("nk,nc,n->nkc", basis**2, lit, weights)
    return diagonal, weights


def probed_contributions(
    rasterize: Rasterize,
    splats: TorchSplats,
    camera: Camera,
    signs: Iterable[Tensor],  # (h, w, 3) each
    target: Tensor | None = None,  # (h, w, 3)
) -> ProbedContributions:
    """Removal errors o^2 E[(dT_r/do)^2], and with a target their change of the squared error.

    The image is affine in every opacity o, so removing a Gaussian changes it by exactly -o dC/do.
    Opacities are cut at 0.999 first: above it the derivative is zero wherever alpha is capped,
    while the image hardly differs.
    """
    ready = activate(splats, camera)
    opacities = ready.opacities.detach().clamp_max(ALPHA_CAP).requires_grad_()
    colours = ready.colours.detach().requires_grad_()
    image = rasterize(replace(ready, opacities=opacities, colours=colours), camera)

    removal, weights = torch.zeros_like(opacities), torch.zeros_like(opacities)
    probes = 0
    for sign in signs:
        by_opacity, by_colour = _grads(image, [opacities, colours], sign, keep=True)
        removal += (opacities.detach() * by_opacity) ** 2
        weights += (by_colour**2).mean(dim=1)
        probes += 1
    removal, weights = removal / probes, weights / probes

    (by_colour,) = _grads(image, [colours], torch.ones_like(image), keep=True)
    signed = removal
    if target is not None:
        (slope,) = _grads(image, [opacities], image.detach() - target, keep=False)
        signed = removal - 2 * opacities.detach() * slope
    return ProbedContributions(removal, signed, weights, by_colour[:, 0])

# SPDX-License-Identifier: Apache-2.0
"""The renderer for NVIDIA GPUs, on top of gsplat (pinned by the extra `cuda`; checked with 1.5.3).

Nothing here imports gsplat before the first image is asked for: its first use compiles kernels.
The diagonal of J^T J is estimated by random-sign probes (flexgs/render/probes.py). gsplat adds up
gradients with float atomics, so scores differ from run to run in their last digits.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flexgs.core import Camera, Splats
from flexgs.errors import UsageError
from flexgs.render.cuda_support import require_cuda
from flexgs.render.own_frame import own_frame
from flexgs.render.probes import (
    gradients,
    probe_signs,
    probed_contributions,
    probed_fisher,
)
from flexgs.render.protocol import F32, GROUPS, Contributions, Parameters
from flexgs.render.torch_scene import Activated, TorchSplats, activate, upload

NEAR_PLANE = 0.01
BLUR = 0.3  # gsplat's eps2d, px^2
KEPT_SCENES = 2  # on the device: the original and its compressed version
ALL_BATCHES = 2**31 - 1
DEVICE = "cuda"


def _numpy(tensor: Tensor) -> F32:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)


def _parameters(fields: dict[str, Tensor], own: int | None) -> Parameters:
    return Parameters(**{name: _numpy(tensor[:own]) for name, tensor in fields.items()})


@dataclass(frozen=True, eq=False)
class _Blended:
    """An image and what gsplat says about how it came about."""

    image: Tensor  # (h, w, 3)
    meta: dict[str, Any]


class CudaRenderer:
    """gsplat behind `flexgs.render.Renderer`.

    Args:
        probes: random-sign probes a view; one backward pass each.

    Raises:
        UsageError: no CUDA device, torch or gsplat here.
    """

    name = "cuda"

    def __init__(self, probes: int = 1) -> None:
        require_cuda()
        if probes < 1:
            raise UsageError("too few probes", expected=">= 1", found=probes)
        self.probes = probes
        self._device = torch.device(DEVICE)
        self._uploaded: list[tuple[weakref.ref[Splats], TorchSplats]] = []

    def render(self, splats: Splats, camera: Camera) -> F32:  # (h, w, 3)
        """The image."""
        with torch.no_grad():
            return _numpy(self._rasterize(activate(self._scene(splats), camera), camera))

    def backward(
        self,
        splats: Splats,
        camera: Camera,
        pixel_weights: F32,  # (h, w, 3) dL/dimage
        groups: tuple[str, ...] = GROUPS,
        own: int | None = None,
    ) -> Parameters:
        """Gradient of sum(pixel_weights * image); groups not asked for stay zero."""
        weights = torch.tensor(pixel_weights, device=self._device, dtype=torch.float32)
        scene = self._scene(splats)
        return _parameters(gradients(self._rasterize, scene, camera, weights, groups), own)

    def fisher(
        self, splats: Splats, camera: Camera, own: int | None = None
    ) -> tuple[Parameters, F32]:
        """diag(J^T J) by probes, and the colour weights S_iv (n,)."""
        diagonal, weights = probed_fisher(
            self._rasterize, self._scene(splats), camera, self._signs(camera)
        )
        return _parameters(diagonal, own), _numpy(weights[:own])

    def contributions(
        self,
        splats: Splats,
        camera: Camera,
        target: F32 | None = None,  # (h, w, 3)
        own: int | None = None,
    ) -> Contributions:
        """Removal errors by probes, blending sums and hits."""
        scene = self._scene(splats)
        goal = None if target is None else torch.tensor(target, device=self._device)
        sums = probed_contributions(self._rasterize, scene, camera, self._signs(camera), goal)
        return Contributions(
            removal=_numpy(sums.removal[:own]),
            signed=_numpy(sums.signed[:own]),
            colour_weights=_numpy(sums.colour_weights[:own]),
            blend=_numpy(sums.blend[:own]),
            hits=self._hits(scene, camera)[:own],
        )

    def misfit(
        self,
        splats: Splats,
        camera: Camera,
        target: F32,  # (h, w, 3)
        gradient: Parameters,
        own: int | None = None,
    ) -> F32:  # (n,)
        """See `Renderer.misfit`; removal errors by probes."""
        missed = self.render(splats, camera) - target
        found = self.backward(splats, camera, missed, own=own)
        for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
            total = getattr(gradient, name)
            total += getattr(found, name)
        return self.contributions(splats, camera, own=own).removal

    def blocks(self, splats: Splats, camera: Camera, total: F32, own: int | None = None) -> F32:
        """See `Renderer.blocks`; outer products of probes' gradients."""
        first = splats.select(slice(0, own))
        for signs in probe_signs(camera, self.probes):
            found = self.backward(splats, camera, signs.astype(np.float32), GROUPS, own)
            framed = own_frame(first, found)
            total += framed[:, :, None] * framed[:, None, :] / np.float32(self.probes)
        return self.contributions(splats, camera, own=own).colour_weights

    def _scene(self, splats: Splats) -> TorchSplats:
        """The tensors of `splats`, uploaded at its first use and kept for the last few scenes."""
        alive = [(ref, scene) for ref, scene in self._uploaded if ref() is not None]
        found = [scene for ref, scene in alive if ref() is splats]
        scene = found[0] if found else upload(splats, self._device)
        others = [entry for entry in alive if entry[0]() is not splats]
        self._uploaded = [*others, (weakref.ref(splats), scene)][-KEPT_SCENES:]
        return scene

    def _signs(self, camera: Camera) -> list[Tensor]:
        signs = torch.from_numpy(probe_signs(camera, self.probes)).to(self._device)
        return list(signs.to(torch.float32))

    def _blend(self, ready: Activated, camera: Camera) -> _Blended | None:
        """gsplat's answer; None when there is nothing to blend."""
        if len(ready.means) == 0:
            return None
        import gsplat

        pose = torch.tensor(camera.world_to_camera.copy(), dtype=torch.float32)
        intrinsics = torch.tensor(
            [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]]
        )
        image, _, meta = gsplat.rasterization(
            means=ready.means,
            quats=ready.quats,
            scales=ready.scales,
            opacities=ready.opacities,
            colors=ready.colours,
            viewmats=pose[None].to(self._device),
            Ks=intrinsics[None].to(self._device),
            width=camera.width,
            height=camera.height,
            near_plane=NEAR_PLANE,
            eps2d=BLUR,
            packed=True,
            rasterize_mode="antialiased" if ready.model == "mip" else "classic",
        )
        return _Blended(image[0], meta)

    def _rasterize(self, ready: Activated, camera: Camera) -> Tensor:  # (h, w, 3)
        blended = self._blend(ready, camera)
        if blended is None:
            return torch.zeros(camera.height, camera.width, 3, device=self._device)
        return blended.image

    def _hits(self, scene: TorchSplats, camera: Camera) -> F32:  # (n,)
        """Pixels that every Gaussian is blended into, from gsplat's list of (Gaussian, pixel).

        The list takes 16 bytes a pair on the device.
        """
        counts = torch.zeros(len(scene.means), device=self._device)
        with torch.no_grad():
            blended = self._blend(activate(scene, camera), camera)
            if blended is not None and len(blended.meta["flatten_ids"]):
                import gsplat

                meta = blended.meta
                packed, _, _ = gsplat.rasterize_to_indices_in_range(
                    0,
                    ALL_BATCHES,
                    torch.ones(camera.height, camera.width, device=self._device),
                    meta["means2d"],
                    meta["conics"],
                    meta["opacities"],
                    camera.width,
                    camera.height,
                    meta["tile_size"],
                    meta["isect_offsets"][0],
                    meta["flatten_ids"],
                )
                in_view = torch.bincount(packed, minlength=len(meta["gaussian_ids"]))
                counts[meta["gaussian_ids"]] = in_view.to(counts.dtype)
        return _numpy(counts)

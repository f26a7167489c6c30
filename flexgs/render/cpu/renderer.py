# SPDX-License-Identifier: Apache-2.0
"""`CpuRenderer`: the renderer protocol on numba kernels."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from flexgs.core import Camera, Splats
from flexgs.errors import SceneError
from flexgs.render.cpu.binning import depth_order, tile_grid, tile_lists
from flexgs.render.cpu.blend import blend_image
from flexgs.render.cpu.chain import chain_blocks, chain_fisher, chain_gradient
from flexgs.render.cpu.common import RECORD
from flexgs.render.cpu.project import gather_records, project
from flexgs.render.cpu.sums import (
    FISHER,
    FISHER_SUMS,
    GRADIENT,
    GRADIENT_SUMS,
    MISFIT,
    MISFIT_SUMS,
    REMOVAL,
    REMOVAL_SUMS,
    SQUARE,
    sum_gaussians,
    sum_pairs,
)
from flexgs.render.protocol import GROUPS, Contributions, Parameters, zero_parameters

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """One view of one scene, projected, sorted and binned: what every pass starts from."""

    ids: npt.NDArray[np.int32]  # (m,) visible Gaussians in depth order
    records: F32  # (m, RECORD)
    offsets: npt.NDArray[np.int64]  # (m + 1,) pair slots of each record
    starts: npt.NDArray[np.int64]  # (tiles + 1,)
    members: npt.NDArray[np.int32]  # (pairs,) records of each tile, front to back
    slots: npt.NDArray[np.int32]  # (pairs,)
    order: npt.NDArray[np.int64]  # (tiles,) tiles in an order that spreads the heavy ones
    columns: int


def _tile_order(tiles: int) -> npt.NDArray[np.int64]:
    """A fixed shuffle, so that threads that take consecutive tiles get equal work."""
    return np.random.default_rng(0).permutation(tiles)


def camera_arguments(camera: Camera) -> tuple[Any, ...]:
    """pose (3, 4), lens, size, eye as the kernels take them."""
    lens = tuple(float(value) for value in (camera.fx, camera.fy, camera.cx, camera.cy))
    size = (camera.width, camera.height)
    return np.ascontiguousarray(camera.world_to_camera[:3]), lens, size, camera.center


def build_frame(splats: Splats, camera: Camera, scratch: Scratch) -> Frame:
    """Projects, sorts and bins. Everything later is per pair of a Gaussian and a tile."""
    records, depths, tiles = scratch.arrays(splats.n)
    project(
        splats.means,
        splats.log_scales,
        splats.quats,
        splats.opacity_logits,
        splats.sh,
        *camera_arguments(camera),
        splats.model == "mip",
        records,
        depths,
        tiles,
    )
    ids = depth_order(depths, tiles)
    sorted_records = np.empty((len(ids), RECORD), np.float32)
    gather_records(records, ids, sorted_records)
    rows, columns = tile_grid(camera.width, camera.height)
    offsets, starts, members, slots = tile_lists(sorted_records, ids, tiles, rows, columns)
    order = _tile_order(rows * columns)
    return Frame(ids, sorted_records, offsets, starts, members, slots, order, columns)


class Scratch:
    """Buffers for projection, kept between views: fresh pages cost more than the arithmetic."""

    def __init__(self) -> None:
        self._records = np.empty((0, RECORD), np.float32)

    def arrays(self, n: int) -> tuple[F32, F32, npt.NDArray[np.int32]]:
        """records (n, RECORD), depths (n,) and tile counts (n,), not initialised."""
        if len(self._records) < n:
            self._records = np.empty((n, RECORD), np.float32)
        return self._records[:n], np.empty(n, np.float32), np.empty(n, np.int32)


class CpuRenderer:
    """Renders, differentiates and scores on the CPU; bit-identical for any number of threads.

    Args:
        threads: how many to use; None for all that numba was started with.
    """

    name = "cpu"

    def __init__(self, threads: int | None = None) -> None:
        most = nb.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        self.threads = min(threads or min(most, os.cpu_count() or 1), most)
        self._scratch = Scratch()

    def render(self, splats: Splats, camera: Camera) -> F32:
        """See `Renderer.render`."""
        nb.set_num_threads(self.threads)
        frame = build_frame(splats, camera, self._scratch)
        image = np.empty((camera.height, camera.width, 3), np.float32)
        blend_image(frame.records, frame.starts, frame.members, frame.order, frame.columns, image)
        return image

    def backward(
        self,
        splats: Splats,
        camera: Camera,
        pixel_weights: F32,  # (h, w, 3)
        groups: tuple[str, ...] = GROUPS,
        own: int | None = None,
    ) -> Parameters:
        """See `Renderer.backward`."""
        _check_image(camera, pixel_weights, "pixel_weights")
        frame, sums = self._sums(splats, camera, GRADIENT, GRADIENT_SUMS, pixel_weights, own)
        gradient = zero_parameters(splats, own)
        chain_gradient(*_chain_arguments(frame, sums, splats, camera), *_arrays(gradient))
        return _only(gradient, groups)

    def fisher(
        self, splats: Splats, camera: Camera, own: int | None = None
    ) -> tuple[Parameters, F32]:
        """See `Renderer.fisher`; exact, the colours' dependence on the means included."""
        frame, sums = self._sums(splats, camera, FISHER, FISHER_SUMS, None, own)
        diagonal = zero_parameters(splats, own)
        chain_fisher(*_chain_arguments(frame, sums, splats, camera), *_arrays(diagonal))
        weights = np.zeros_like(splats.opacity_logits[:own])
        weights[frame.ids] = sums[:, SQUARE]
        return diagonal, weights

    def contributions(
        self,
        splats: Splats,
        camera: Camera,
        target: F32 | None = None,  # (h, w, 3)
        own: int | None = None,
    ) -> Contributions:
        """See `Renderer.contributions`."""
        if target is not None:
            _check_image(camera, target, "target")
        frame, sums = self._sums(splats, camera, REMOVAL, REMOVAL_SUMS, target, own)
        columns = np.zeros((5, len(splats.means[:own])), np.float32)
        error, cross, blend, square, hits = sums.T
        signed = error if target is None else error - 2 * cross
        for column, values in zip(columns, (error, signed, square, blend, hits), strict=True):
            column[frame.ids] = values
        return Contributions(*columns)

    def misfit(
        self,
        splats: Splats,
        camera: Camera,
        target: F32,  # (h, w, 3)
        gradient: Parameters,
        own: int | None = None,
    ) -> F32:  # (n,)
        """See `Renderer.misfit`."""
        _check_image(camera, target, "target")
        frame, sums = self._sums(splats, camera, MISFIT, MISFIT_SUMS, target, own)
        chain_gradient(*_chain_arguments(frame, sums, splats, camera), *_arrays(gradient))
        removal = np.zeros_like(splats.opacity_logits[:own])
        removal[frame.ids] = sums[:, GRADIENT_SUMS]
        return removal

    def blocks(self, splats: Splats, camera: Camera, total: F32, own: int | None = None) -> F32:
        """See `Renderer.blocks`; exact but for the colours' dependence on the means."""
        frame, sums = self._sums(splats, camera, FISHER, FISHER_SUMS, None, own)
        chain_blocks(
            frame.ids,
            sums,
            splats.means,
            splats.log_scales,
            splats.quats,
            splats.opacity_logits,
            *camera_arguments(camera)[:3],
            splats.model == "mip",
            total,
        )
        weights = np.zeros_like(splats.opacity_logits[:own])
        weights[frame.ids] = sums[:, SQUARE]
        return weights

    def _sums(
        self,
        splats: Splats,
        camera: Camera,
        mode: int,
        width: int,
        extra: F32 | None,
        own: int | None,
    ) -> tuple[Frame, npt.NDArray[np.float64]]:
        """The frame and the second pass's sums per visible Gaussian (m, width); of `own` alone."""
        nb.set_num_threads(self.threads)
        frame = build_frame(splats, camera, self._scratch)
        if own is not None:
            frame = replace(frame, order=frame.order[_holding(frame, own)[frame.order]])
        pairs = np.empty((len(frame.members), width), np.float32)
        if extra is None:
            extra = np.zeros((camera.height, camera.width, 3), np.float32)
        sum_pairs(
            frame.records,
            frame.starts,
            frame.members,
            frame.slots,
            frame.order,
            frame.columns,
            mode,
            np.ascontiguousarray(extra, np.float32),
            pairs,
        )
        sums = np.empty((len(frame.ids), width))
        sum_gaussians(pairs, frame.offsets, sums)
        if own is not None:
            rows = np.flatnonzero(frame.ids < own)
            frame = replace(frame, ids=frame.ids[rows], records=frame.records[rows])
            sums = sums[rows]
        return frame, sums


def _holding(frame: Frame, own: int) -> npt.NDArray[np.bool_]:  # (tiles,)
    """Which tiles hold one of the first `own` Gaussians; no other has a part in their sums."""
    found = np.zeros(len(frame.members) + 1, np.int64)
    np.cumsum((frame.ids < own)[frame.members], out=found[1:])
    return np.asarray(found[frame.starts[1:]] > found[frame.starts[:-1]])


def _check_image(camera: Camera, image: F32, name: str) -> None:
    if image.shape != (camera.height, camera.width, 3):
        raise SceneError(
            f"{name} does not fit view {camera.name!r}",
            expected=(camera.height, camera.width, 3),
            found=image.shape,
        )


def _arrays(p: Parameters) -> tuple[F32, ...]:
    return p.means, p.log_scales, p.quats, p.opacity_logits, p.sh


def _chain_arguments(
    frame: Frame, sums: npt.NDArray[np.float64], splats: Splats, camera: Camera
) -> tuple[Any, ...]:
    return (
        frame.ids,
        frame.records,
        sums,
        splats.means,
        splats.log_scales,
        splats.quats,
        splats.opacity_logits,
        splats.sh,
        *camera_arguments(camera),
        splats.model == "mip",
    )


def _only(gradient: Parameters, groups: tuple[str, ...]) -> Parameters:
    """Zeroes the groups not asked for."""
    for name in ("means", "log_scales", "quats", "opacity_logits"):
        if name not in groups:
            getattr(gradient, name)[:] = 0
    if "dc" not in groups:
        gradient.sh[:, 0] = 0
    if "sh" not in groups:
        gradient.sh[:, 1:] = 0
    return gradient

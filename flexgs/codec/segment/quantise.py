# SPDX-License-Identifier: Apache-2.0
"""Splats -> integers of all chunks. Lossy, and the only lossy step; independent of the effort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.codec.segment.head import Head, chunk_count
from flexgs.codec.segment.kinds import Group
from flexgs.codec.segment.symbols import ChunkSymbols, GroupSymbols, band_bounds
from flexgs.core import Splats
from flexgs.core.rotations import normalize_quats
from flexgs.errors import SceneError, UsageError
from flexgs.limits import (
    MAX_ABS_MEAN,
    MAX_ABS_OPACITY_LOGIT,
    MAX_ABS_SH,
    MAX_LOG_SCALE,
    MIN_LOG_SCALE,
    MIN_QUAT_NORM,
)
from flexgs.quant import SegmentPlan
from flexgs.quant.fit import fit_ranges
from flexgs.quant.grid import morton_order
from flexgs.quant.positions import fit_frame, quantize_means
from flexgs.quant.rotations import nearest_orientation
from flexgs.quant.segments import Ranges, quantize, segment_count

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

WEIGHT_KEYS = ("geometry", "colour")


def quantise_splats(
    splats: Splats, plan: SegmentPlan, weights: Mapping[str, npt.NDArray[np.floating]] | None
) -> tuple[Head, list[ChunkSymbols]]:
    """Head and chunks, in Morton order.

    Raises:
        SceneError: a value is NaN or out of the legal range.
        UsageError: a weight has the wrong name, shape or sign.
    """
    _check_scene(splats)
    splats, rotation = _orient(splats)
    checked = _check_weights(weights, splats.n)
    frame = fit_frame(splats.means)
    grid = quantize_means(splats.means, frame, plan.means)
    origin = grid.min(axis=0) if splats.n else np.zeros(splats.d, np.int64)
    order = morton_order(grid - origin)
    splats = splats.select(order)
    segments = segment_count(splats.n, plan.segments)
    head = Head(
        d=splats.d,
        degree=splats.degree,
        model=splats.model,
        n=splats.n,
        segments=segments,
        chunks=chunk_count(splats.n, segments),
        rotation=rotation,
        plan=plan,
        frame=frame,
        origin=origin,
    )
    levels = sh_levels(splats.sh)
    coded = [
        _quantise_group(splats, group, head, levels, {k: w[order] for k, w in checked.items()})
        for group in head.groups
    ]
    cells = grid[order] - origin
    return head, [_cut_chunk(head, cells, levels, coded, i) for i in range(head.chunks)]


def _orient(splats: Splats) -> tuple[Splats, int]:
    """Unit quaternions, and the number of their channels to store.

    The axes of a flat 2DGS disc and of a 2-D Gaussian have their own meaning and keep their names.
    """
    if splats.d == 3 and splats.model != "2dgs":
        quats, log_scales = nearest_orientation(splats.quats, splats.log_scales)
        return replace(splats, quats=quats, log_scales=log_scales), 3
    unit = normalize_quats(splats.quats.astype(np.float64)).astype(np.float32)
    return replace(splats, quats=unit), 4


def sh_levels(sh: F32) -> U8:  # (n, k, 3) -> (n,)
    """Highest band of each Gaussian with a value that is not exactly zero."""
    levels = np.zeros(len(sh), np.uint8)
    band = 1
    while band * band < sh.shape[1]:
        used = sh[:, band * band : (band + 1) ** 2].any(axis=(1, 2))
        levels[used] = band
        band += 1
    return levels


def _values(splats: Splats, group: Group) -> F32:  # (n, c)
    if group.name == "log_scales":
        return splats.log_scales
    if group.name == "quats":
        return splats.quats[:, 4 - group.channels :]
    if group.name == "opacity_logits":
        return splats.opacity_logits[:, None]
    if group.name == "dc":
        return splats.sh[:, 0]
    band = group.band
    return splats.sh[:, band * band : (band + 1) ** 2].reshape(splats.n, group.channels)


def _quantise_group(
    splats: Splats, group: Group, head: Head, levels: U8, weights: Mapping[str, F32]
) -> GroupSymbols:
    bounds = head.bounds
    values, used = _values(splats, group), slice(None)
    weight = weights.get("colour" if group.name in ("dc", "sh") else "geometry")
    if group.name == "opacity_logits":
        values = np.clip(values, -MAX_ABS_OPACITY_LOGIT, MAX_ABS_OPACITY_LOGIT)
        visible = _alpha_slopes(values[:, 0])
        weight = visible if weight is None else weight * visible
    if group.band:
        used = levels >= group.band  # type: ignore[assignment]
        bounds = band_bounds(levels, group.band, bounds)
    columns = np.ascontiguousarray(values[used].T)
    bits = group.bits(head.plan)
    ranges = fit_ranges(columns, bounds, bits, None if weight is None else weight[used])
    symbols = quantize(columns, bounds, ranges, bits)
    return GroupSymbols(group, ranges, symbols.astype(np.uint8) if bits <= 8 else symbols, bounds)


def _alpha_slopes(logits: F32) -> F32:
    """About (d alpha / d logit)^2, by products only, so that every machine gets the same.

    exp(-|x|) ~ (1 + |x| / 8)^-8; fully opaque and fully transparent tails hardly count.
    """
    falloff = 1 / (1 + np.abs(logits) / np.float32(8))
    for _ in range(4):
        falloff = falloff * falloff
    return np.asarray(falloff, dtype=np.float32)


def _cut_chunk(
    head: Head, cells: I64, levels: U8, coded: list[GroupSymbols], index: int
) -> ChunkSymbols:
    first, last = head.chunk_segments[index : index + 2]
    start, stop = head.bounds[first], head.bounds[last]
    parts = []
    for part in coded:
        low, high = part.bounds[first], part.bounds[last]
        if part.group.band and low == high:
            continue
        parts.append(
            GroupSymbols(
                part.group,
                Ranges(part.ranges.scales[:, first:last], part.ranges.zeros[:, first:last]),
                part.symbols[:, low:high],
                part.bounds[first : last + 1] - low,
            )
        )
    return ChunkSymbols(cells[start:stop], levels[start:stop], tuple(parts))


def _check_scene(splats: Splats) -> None:
    fields = (
        ("means", splats.means, -MAX_ABS_MEAN, MAX_ABS_MEAN),
        ("log_scales", splats.log_scales, MIN_LOG_SCALE, MAX_LOG_SCALE),
        ("opacity_logits", splats.opacity_logits, -np.inf, np.inf),
        ("sh", splats.sh, -MAX_ABS_SH, MAX_ABS_SH),
    )
    for name, values, low, high in fields:
        if values.size and not (values.min() >= low and values.max() <= high):
            raise SceneError(
                f"{name} cannot be encoded",
                section=name,
                expected=f"numbers in [{low:g}, {high:g}]",
            )
    squares = np.square(splats.quats, dtype=np.float64).sum(axis=1)
    if not (np.isfinite(squares) & (squares > MIN_QUAT_NORM**2)).all():
        raise SceneError("a quaternion has no direction", section="quats")


def _check_weights(
    weights: Mapping[str, npt.NDArray[np.floating]] | None, n: int
) -> dict[str, F32]:
    checked = {}
    for key, values in (weights or {}).items():
        array = np.asarray(values, dtype=np.float32)
        if key not in WEIGHT_KEYS or array.shape != (n,):
            raise UsageError(
                "not a weight per Gaussian",
                section=key,
                expected=f"{' | '.join(WEIGHT_KEYS)} of shape ({n},)",
                found=array.shape,
            )
        if not (np.isfinite(array).all() and (array >= 0).all()):
            raise UsageError("weights must be finite and not negative", section=key)
        # A floor keeps Gaussians that no view saw from being given away entirely.
        mean = float(array.mean()) if n else 0.0
        checked[key] = array / np.float32(mean) + np.float32(1e-3) if mean > 0 else array + 1
    return checked

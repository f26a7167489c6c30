# SPDX-License-Identifier: Apache-2.0
"""Symbols -> the bytes of a `.fgi`."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flexgs.errors import SceneError
from flexgs.image.coding.stream import canonical, encode_stream
from flexgs.image.coding.symbols import Plan, Symbols, dequantise
from flexgs.image.file.head import (
    CRC_BYTES,
    ROWS_A_BYTE,
    ROWS_FREE,
    Head,
    Tiling,
    check_plan,
    tile_grid,
    write_head,
)

REACH = 3.0  # standard deviations at which the renderer cuts a Gaussian off
SLACK = 1.0  # pixels on top, for its rounding


def pack_image(
    plan: Plan, symbols: Symbols, *, deep: bool = False, tiling: Tiling | None = None
) -> bytes:
    """The complete file; rows without any amplitude are left out.

    Raises:
        SceneError: so many equal Gaussians that readers would take the file for an attack.
    """
    check_plan(plan)
    parts = [canonical(plan, part) for part in split_tiles(plan, symbols, tiling)]
    plans = [plan] + ([tile_plan(plan, tiling)] * (len(parts) - 1) if tiling else [])
    payloads = [
        encode_stream(own, part) if len(part.cells) else b""
        for own, part in zip(plans, parts, strict=True)
    ]
    counts, lengths = (
        tuple(len(part.cells) for part in parts),
        tuple(len(payload) for payload in payloads),
    )
    data = write_head(Head(plan, deep, counts, lengths, tiling)) + payloads[0]
    data += _crc(data)
    data += b"".join(
        payload + _crc(payload)
        for payload, count in zip(payloads[1:], counts[1:], strict=True)
        if count
    )
    if sum(counts) > ROWS_A_BYTE * len(data) + ROWS_FREE:
        raise SceneError(
            "the Gaussians are too much alike for a .fgi", found=f"{sum(counts)} in {len(data)} B"
        )
    return data


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(CRC_BYTES, "little")


def tile_plan(plan: Plan, tiling: Tiling) -> Plan:
    """The plan of one square, whose cells are counted from its own corner."""
    return replace(plan, width=1 << tiling.bits, height=1 << tiling.bits)


def split_tiles(plan: Plan, symbols: Symbols, tiling: Tiling | None) -> list[Symbols]:
    """Chunk 0, then one part a square, with cells counted from the square's corner."""
    if tiling is None:
        return [symbols]
    reach = reach_of(plan, symbols)
    shift = tiling.bits - plan.cell_bits
    squares = symbols.cells >> shift
    across, down = tile_grid(plan, tiling)
    tile = squares[:, 0] + across * squares[:, 1]
    tile = np.where(reach > tiling.margin, -1, tile)
    parts = [symbols.select(tile == -1)]
    for k in range(across * down):
        rows = tile == k
        inner = symbols.select(rows)
        parts.append(replace(inner, cells=inner.cells & ((1 << shift) - 1)))
    return parts


def reach_of(plan: Plan, symbols: Symbols) -> npt.NDArray[np.float32]:  # (n,)
    """How many pixels from its mean, along an axis, each Gaussian can be seen."""
    l11, l21, l22 = dequantise(plan, symbols).cholesky.T
    return np.asarray(REACH * np.maximum(l11, np.hypot(l21, l22)) + SLACK, dtype=np.float32)


def joined(parts: list[Symbols]) -> Symbols:
    """Rows of several parts, one after the other."""

    def join(name: str) -> npt.NDArray[np.int32]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Symbols(*map(join, ("cells", "amplitudes", "sizes", "ratios", "angles", "places")))


def best_tiling(plan: Plan, symbols: Symbols, side: int) -> Tiling:
    """The margin with which a crop of 256 pixels a side needs the fewest Gaussians."""
    bits = max(side.bit_length() - 1, plan.cell_bits)
    reach = reach_of(plan, symbols)
    area = plan.width * plan.height

    def needed(margin: int) -> float:
        seen = (256 + 2 * margin + side) ** 2 / area
        local = float((reach <= margin).mean()) if len(reach) else 1.0
        return 1 - local + local * min(1.0, seen)

    return Tiling(bits, min((8, 12, 16, 24, 32, 48, 64, 96), key=needed))

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
    plan, symbols = trimmed(plan, symbols)
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


def trimmed(plan: Plan, symbols: Symbols) -> tuple[Plan, Symbols]:
    """The same with no wider a margin than its Gaussians need."""
    if not len(symbols.cells):
        return replace(plan, margin=0), symbols
    size = 1 << plan.cell_bits
    last = np.array([-(-plan.width // size), -(-plan.height // size)]) - 1
    own = symbols.cells.astype(np.int64) - plan.margin
    needed = max(0, -int(own.min()), int((own - last).max()))
    cells = (own + needed).astype(np.int32)
    return replace(plan, margin=needed), replace(symbols, cells=cells)


def tile_plan(plan: Plan, tiling: Tiling) -> Plan:
    """The plan of one square, whose cells are counted from its own corner."""
    return replace(plan, width=1 << tiling.bits, height=1 << tiling.bits, margin=0)


def split_tiles(plan: Plan, symbols: Symbols, tiling: Tiling | None) -> list[Symbols]:
    """Chunk 0, then one part a square, with cells counted from the square's corner."""
    if tiling is None:
        return [symbols]
    reach = reach_of(plan, symbols)
    shift = tiling.bits - plan.cell_bits
    cells = symbols.cells - plan.margin
    squares = cells >> shift
    across, down = tile_grid(plan, tiling)
    inside = ((squares >= 0) & (squares < [across, down])).all(axis=1) & (reach <= tiling.margin)
    tile = np.where(inside, squares[:, 0] + across * squares[:, 1], -1)
    parts = [symbols.select(tile == -1)]
    for k in range(across * down):
        rows = tile == k
        own = cells[rows] & ((1 << shift) - 1)
        parts.append(replace(symbols.select(rows), cells=own))
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

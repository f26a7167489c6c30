# SPDX-License-Identifier: Apache-2.0
"""Symbol matrices <-> byte planes: prediction, channel or row order, bit packing. All lossless."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flexgs.quant.packing import join_planes, pack_bits, packed_size, split_planes, unpack_bits

U8 = npt.NDArray[np.uint8]
Symbols = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

TRIPLE = 3  # channels come in triples (colours, axes) within which one predicts the next
LAYOUTS = 16


@dataclass(frozen=True)
class Layout:
    """How a matrix of symbols became bytes; the number of a layout is stored with its stream.

    Steps in order of encoding, all modulo 2^bits: `channels` subtracts from the second and third
    channel of each triple the channel before it; `rows` subtracts from every row the row before.
    Then the matrix is read channel by channel, or row by row (`interleaved`); then symbols of
    under 8 bits are packed (`packed`) or take a byte each, and symbols of over 8 bits are split
    in a low and a high byte plane.
    """

    channels: bool = False
    rows: bool = False
    interleaved: bool = False
    packed: bool = False

    @property
    def number(self) -> int:
        """0 to 15, one bit a choice.

        >>> Layout(rows=True, packed=True).number
        10
        """
        return self.channels | self.rows << 1 | self.interleaved << 2 | self.packed << 3

    @classmethod
    def from_number(cls, number: int) -> Layout:
        """The inverse of `number`."""
        return cls(*(bool(number >> bit & 1) for bit in range(4)))


def layout_choices(bits: int, channels: int) -> list[Layout]:
    """Layouts worth trying for a matrix, all of them valid; packing is the default below 8 bits."""
    flags = (False, True)
    return [
        Layout(c, r, i, packed=bits < 8)
        for c in (flags if channels >= TRIPLE else (False,))
        for r in flags
        for i in (flags if channels > 1 else (False,))
    ]


def symbols_to_planes(symbols: Symbols, bits: int, layout: Layout) -> list[U8]:  # (c, n)
    """One byte stream, or two (low, high) for symbols of over 8 bits."""
    mask = symbols.dtype.type(2**bits - 1)
    if layout.channels:
        symbols = symbols.copy()
        for offset in range(TRIPLE - 1, 0, -1):
            last = symbols[offset::TRIPLE]
            last -= symbols[offset - 1 :: TRIPLE][: len(last)]
    if layout.rows:
        symbols = np.concatenate([symbols[:, :1], np.diff(symbols, axis=1)], axis=1)
    flat = ((symbols.T if layout.interleaved else symbols) & mask).reshape(-1)
    if bits > 8:
        return split_planes(flat, 2)
    narrow = flat.astype(np.uint8)
    return [pack_bits(narrow, bits) if layout.packed else narrow]


def planes_to_symbols(
    planes: list[U8],  # as symbols_to_planes gave them
    bits: int,
    layout: Layout,
    shape: tuple[int, int],  # (c, n)
) -> Symbols:  # (c, n)
    """The inverse of `symbols_to_planes`; bits above the symbols' width in a byte are ignored."""
    c, n = shape
    if bits > 8:
        flat: npt.NDArray[Any] = join_planes(planes, np.uint16)
    elif layout.packed and bits < 8:
        flat = unpack_bits(planes[0], bits, c * n)
    else:
        flat = planes[0].copy()
    matrix = flat.reshape(n, c).T if layout.interleaved else flat.reshape(c, n)
    symbols: Symbols = np.ascontiguousarray(matrix)
    mask = symbols.dtype.type(2**bits - 1)
    if layout.rows:
        np.add.accumulate(symbols, axis=1, out=symbols)
    if layout.channels:
        for offset in range(1, TRIPLE):
            part = symbols[offset::TRIPLE]
            part += symbols[offset - 1 :: TRIPLE][: len(part)]
    return symbols if mask == np.iinfo(symbols.dtype).max else symbols & mask


def plane_size(count: int, bits: int, packed: bool) -> int:
    """Bytes of one plane of `count` symbols."""
    return packed_size(count, bits) if packed and bits < 8 else count

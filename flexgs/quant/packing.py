# SPDX-License-Identifier: Apache-2.0
"""Symbols of 1 to 16 bits <-> bytes, low bits first: bit i is bit i % 8 of byte i // 8."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]


def packed_size(count: int, bits: int) -> int:
    """Bytes that `count` symbols of `bits` bits fill.

    >>> packed_size(5, 4), packed_size(3, 7)
    (3, 3)
    """
    return (count * bits + 7) // 8


def pack_bits(symbols: U8, bits: int) -> U8:  # (m,), values < 2^bits, bits 1..8
    """Symbol i fills the bits i * bits ... (i + 1) * bits - 1 of the stream; the rest is zero.

    >>> pack_bits(np.array([1, 2, 3], np.uint8), 4).tolist()
    [33, 3]
    """
    if bits == 8:
        return symbols
    if bits in (1, 2, 4):
        per = 8 // bits
        padded = np.zeros(-(-len(symbols) // per) * per, np.uint8)
        padded[: len(symbols)] = symbols
        packed = padded[0::per].copy()
        for i in range(1, per):
            packed |= padded[i::per] << np.uint8(i * bits)
        return packed
    planes = np.unpackbits(symbols[:, None], axis=1, count=bits, bitorder="little")
    return np.packbits(planes.reshape(-1), bitorder="little")


def unpack_bits(packed: U8, bits: int, count: int) -> U8:  # -> (count,)
    """The inverse of `pack_bits`; `packed` holds `packed_size(count, bits)` bytes."""
    if bits == 8:
        return packed
    if bits in (1, 2, 4):
        per, mask = 8 // bits, np.uint8(2**bits - 1)
        symbols = np.empty(len(packed) * per, np.uint8)
        for i in range(per):
            symbols[i::per] = (packed >> np.uint8(i * bits)) & mask
        return symbols[:count]
    stream = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    return np.packbits(stream, axis=1, bitorder="little").reshape(-1)


def split_planes(values: npt.NDArray[np.unsignedinteger], count: int) -> list[U8]:
    """Byte planes 0 (lowest) to count - 1, each in the order of `values`' memory.

    >>> [p.tolist() for p in split_planes(np.array([0x0201], np.uint16), 2)]
    [[1], [2]]
    """
    shifts = [values.dtype.type(8 * plane) for plane in range(count)]
    return [(values >> shift).astype(np.uint8) for shift in shifts]


def join_planes(planes: list[U8], dtype: npt.DTypeLike) -> npt.NDArray[np.unsignedinteger]:
    """The inverse of `split_planes`."""
    values = planes[0].astype(dtype)
    for plane, part in enumerate(planes[1:], start=1):
        values |= part.astype(dtype) << values.dtype.type(8 * plane)
    return values

# SPDX-License-Identifier: Apache-2.0
"""A coder with its model as one thing, and its calls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from flexgs.entropy.contexts import code_bit, code_int, code_uint
from flexgs.entropy.contexts.options import INLINED

I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]


class Stream(NamedTuple):
    """A coder and the model of its stream."""

    coder: U64
    data: U8
    slots: U32
    weights: I32


@njit(**INLINED)
def bit_in(stream: Stream, a: int, b: int, c: int, mixer: int, node: int, bit: int) -> int:
    """`code_bit`."""
    coder, data, slots, weights = stream
    return int(code_bit(coder, data, slots, weights, a, b, c, mixer, node, bit))


@njit(**INLINED)
def int_in(stream: Stream, a: int, b: int, c: int, mixer: int, v: int) -> int:
    """`code_int`."""
    coder, data, slots, weights = stream
    return int(code_int(coder, data, slots, weights, a, b, c, mixer, v))


@njit(**INLINED)
def uint_in(stream: Stream, a: int, b: int, c: int, mixer: int, v: int) -> int:
    """`code_uint`."""
    coder, data, slots, weights = stream
    return int(code_uint(coder, data, slots, weights, a, b, c, mixer, v))

# SPDX-License-Identifier: Apache-2.0
"""A binary range coder: 32-bit range, bytes out, carries resolved, nothing but integers.

One array of registers serves both directions. A decoder reads zeros behind its payload, so hostile
data can make it return nonsense but neither run away nor read out of bounds; `check_decoder` tells.

Source: G. N. N. Martin, "Range encoding" (1979); carries held back as LZMA does.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from flexgs.entropy.contexts.options import CODING, INLINED, Int, pointer
from flexgs.entropy.contexts.tables import PROBABILITY_BITS
from flexgs.errors import Corrupt, UsageError

Coder = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

# Registers. LOW of an encoder is CODE of a decoder: the payload's value less the interval's start.
DECODING, LOW, RANGE, POSITION, LENGTH, CACHE, PENDING, FAULT, REGISTERS = range(9)
CODE = LOW
FULL, BAD_VALUE = 1, 2  # bits of FAULT

WHOLE = 1 << 32  # the interval at the start
LEAST = 1 << 24  # a shorter interval sends a byte
TAIL = 4  # bytes that a decoder is ahead of the decisions
FLUSHED = (3, 4)  # zeros that a decoder reads behind a complete payload


def start_encoder(capacity_bytes: int) -> tuple[Coder, Bytes]:
    """Registers, and a buffer for a payload of at most `capacity_bytes`."""
    coder = np.zeros(REGISTERS, dtype=np.uint64)
    coder[RANGE] = WHOLE
    coder[PENDING] = 1  # a byte in front of the payload for carries; it stays 0
    coder[LENGTH] = capacity_bytes + TAIL + 1
    return coder, np.empty(capacity_bytes + TAIL + 1, dtype=np.uint8)


def finish_encoder(coder: Coder, data: Bytes) -> Bytes:
    """The payload (a view of `data`); `coder` is used up.

    Raises:
        UsageError: the buffer was too small, or a value beyond the binarisation was coded.
    """
    low, end = int(coder[LOW]), int(coder[LOW] + coder[RANGE])
    value = -(-low // WHOLE) * WHOLE
    if value >= end:
        value = -(-low // LEAST) * LEAST
    coder[LOW] = value  # of the interval's values the one with the most trailing zeros
    _flush(coder, data)
    fault = int(coder[FAULT])
    if fault & BAD_VALUE:
        raise UsageError("a value is beyond what the coder can express")
    if fault & FULL:
        raise UsageError(
            "the coder's buffer is too small", expected="more", found=f"{len(data)} bytes"
        )
    written = int(coder[POSITION])
    stripped = FLUSHED[1] if data[written - FLUSHED[1]] == 0 else FLUSHED[0]
    return data[1 : max(written - stripped, 1)]


def start_decoder(payload: bytes | memoryview | Bytes) -> tuple[Coder, Bytes]:
    """Registers, and a copy of the payload: writable like an encoder's, so kernels compile once."""
    data = np.frombuffer(payload, dtype=np.uint8).copy()
    head = np.zeros(TAIL, dtype=np.uint8)
    head[: min(TAIL, len(data))] = data[:TAIL]
    coder = np.zeros(REGISTERS, dtype=np.uint64)
    coder[DECODING] = 1
    coder[RANGE] = WHOLE
    coder[CODE] = int.from_bytes(head.tobytes(), "big")
    coder[POSITION], coder[LENGTH] = TAIL, len(data)
    return coder, data


def check_decoder(coder: Coder, data: Bytes) -> None:
    """Raises Corrupt unless `data` is the payload that an encoder makes of the decisions so far."""
    over = int(coder[POSITION]) - len(data)
    canonical = over == FLUSHED[1]
    if over == FLUSHED[0]:  # its value ends in 24 zero bits: the interval's first that does
        value, code = int(data[-1]) * LEAST, int(coder[CODE])
        canonical = code < LEAST <= value and value + int(coder[RANGE]) - code <= WHOLE
    if not canonical:
        raise Corrupt(
            "an entropy-coded stream does not end with its payload",
            expected=f"{len(data)} bytes",
            found=f"{max(int(coder[POSITION]) - FLUSHED[1], 0)} bytes used",
        )


@njit(**INLINED)
def _put(coder: Coder, data: Bytes, byte: Int) -> None:
    position = np.int64(coder[POSITION])
    if position < np.int64(coder[LENGTH]):
        data[position] = byte
        coder[POSITION] = position + 1
    else:
        coder[FAULT] = np.int64(coder[FAULT]) | FULL


@njit(**CODING)
def shift_out(coder: Coder, data: Bytes) -> None:
    """The top byte of LOW leaves; 0xFF bytes wait for the carry that may still come."""
    low = np.int64(coder[LOW])
    if low < 0xFF000000 or low >= WHOLE:
        carry = low >> 32
        byte: Int = np.int64(coder[CACHE]) + carry
        for _ in range(np.int64(coder[PENDING])):
            _put(coder, data, byte & 0xFF)
            byte = 0xFF + carry
        coder[PENDING] = 0
        coder[CACHE] = (low >> 24) & 0xFF
    coder[PENDING] = np.int64(coder[PENDING]) + 1
    coder[LOW] = (low & 0x00FFFFFF) << 8


@njit(**CODING)
def _flush(coder: Coder, data: Bytes) -> None:
    for _ in range(TAIL + 1):
        shift_out(pointer(coder), pointer(data))


@njit(**INLINED)
def send(coder: Coder, data: Bytes, probability: Int, bit: Int) -> None:
    """Encodes one decision that is 1 with `probability` / 2^16, 1..2^16 - 1."""
    span = np.int64(coder[RANGE])
    bound = (span * probability) >> PROBABILITY_BITS
    if bit:
        span = bound
    else:
        coder[LOW] = np.int64(coder[LOW]) + bound
        span -= bound
    while span < LEAST:
        span <<= 8
        shift_out(coder, data)
    coder[RANGE] = span


@njit(**INLINED)
def receive(coder: Coder, data: Bytes, probability: Int) -> Int:
    """Decodes what `send` encoded with the same probability."""
    span = np.int64(coder[RANGE])
    bound = (span * probability) >> PROBABILITY_BITS
    code = np.int64(coder[CODE])
    bit = np.int64(code < bound)
    if bit:
        span = bound
    else:
        code -= bound
        span -= bound
    while span < LEAST:
        position = np.int64(coder[POSITION])
        code <<= 8
        if position < np.int64(coder[LENGTH]):
            code |= np.int64(data[position])
        coder[POSITION] = position + 1
        span <<= 8
    coder[CODE] = code
    coder[RANGE] = span
    return bit


@njit(**INLINED)
def transmit(coder: Coder, data: Bytes, probability: Int, bit: Int) -> Int:
    """`send` or `receive`, as the coder was started: the bit, given or read."""
    if coder[DECODING]:
        result: Int = receive(coder, data, probability)
        return result
    send(coder, data, probability, bit)
    return bit

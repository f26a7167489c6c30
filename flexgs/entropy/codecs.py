# SPDX-License-Identifier: Apache-2.0
"""What a byte codec is, and the table of them."""

from __future__ import annotations

from typing import Literal, Protocol

from flexgs.errors import Corrupt, Unsupported
from flexgs.registry import Registry

Effort = Literal["fast", "best"]


class ByteCodec(Protocol):
    """Lossless bytes -> bytes. The same id always decodes the same way, for ever.

    `decode` never makes more than `raw_length` + a small constant bytes, whatever the input, and
    returns exactly `raw_length` bytes that the whole of the input stands for.
    """

    name: str
    code: int  # its number in files, 0..255
    decodable: bool  # a file may ask for it
    levels: range  # accepted by encode

    def encode(self, data: bytes, level: int | None, effort: Effort) -> bytes:
        """Deterministic bytes; `level` None leaves the choice to codec and effort."""

    def decode(self, data: bytes, raw_length: int) -> bytes:
        """The inverse. Raises Corrupt when `data` is not one complete stream of that length."""


byte_codecs: Registry[ByteCodec] = Registry("codec")


def codec_by_code(code: int) -> ByteCodec:
    """The codec a file names by number; only built-in, decodable ones.

    Raises:
        Unsupported: no such codec here.
    """
    for name in byte_codecs:
        codec = byte_codecs.get(name)
        if codec.code == code and codec.decodable:
            return codec
    raise Unsupported(
        "the file uses a codec that this version does not know",
        expected="a code of " + ", ".join(str(byte_codecs.get(name).code) for name in byte_codecs),
        found=code,
        hint="a newer flexgs may read it",
    )


def check_length(name: str, complete: bool, found: int, raw_length: int) -> None:
    """Raises Corrupt unless a stream was complete and gave `raw_length` bytes."""
    if not complete or found != raw_length:
        raise Corrupt(
            f"a {name} stream does not hold what the table of contents says",
            expected=f"{raw_length} bytes",
            found=f"{found} bytes"
            if complete
            else f"an incomplete stream of {found} bytes or more",
        )

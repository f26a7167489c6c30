# SPDX-License-Identifier: Apache-2.0
"""Bytes of an SPZ file: headers, the order and length of its blocks, its frames.

Versions 1 to 3 are one gzip stream of a header, six blocks and extensions. Version 4 is a plain
header, extensions, a table of contents and one zstd stream a block.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from flexgs.errors import Corrupt, Unsupported

MAGIC = 0x5053474E  # the bytes NGSP
GZIP_MAGIC = b"\x1f\x8b"
PLAIN_MAGIC = b"NGSP"
GZIP_VERSIONS = (1, 2, 3)
PLAIN_VERSION = 4
WRITTEN_VERSIONS = (2, 3, 4)

# magic, version, Gaussians, SH degree, fractional bits, flags, reserved or number of streams
HEADER = struct.Struct("<IIIBBBB")
PLAIN_TAIL = struct.Struct("<I12x")  # offset of the table of contents
TOC_ENTRY = struct.Struct("<QQ")  # stored and raw bytes of a stream

ANTIALIASED = 1
HAS_EXTENSIONS = 2
KNOWN_FLAGS = ANTIALIASED | HAS_EXTENSIONS

MAX_FRACTIONAL_BITS = 24  # more than a position has
MAX_DEGREE = 4  # in files; ours is 3
BLOCKS = ("positions", "alphas", "colors", "scales", "rotations", "sh")

EXTENSION = struct.Struct("<II")  # type, bytes that follow
COORDINATES = 0xADBE0003  # payload: u32, which of FRAMES
# What the x, y and z axes point to: Left, Right, Up, Down, Front, Back. Index 0: not said.
FRAMES = (
    *("", "LDB", "RDB", "LUB", "RUB", "LDF", "RDF", "LUF", "RUF"),
    *("LBD", "RBD", "LBU", "RBU", "LFD", "RFD", "LFU", "RFU"),
)


@dataclass(frozen=True)
class Header:
    """What all versions say first."""

    version: int
    count: int
    degree: int
    fractional_bits: int
    flags: int
    last: int = 0  # number of streams in version 4

    @property
    def block_bytes(self) -> tuple[int, ...]:
        """Raw bytes of each of BLOCKS."""
        position = 6 if self.version == 1 else 9
        rotation = 3 if self.version < 3 else 4
        coefficients = (self.degree + 1) ** 2 - 1
        widths = (position, 1, 3, 3, rotation, 3 * coefficients)
        return tuple(width * self.count for width in widths)

    def pack(self) -> bytes:
        """The first 16 bytes."""
        return HEADER.pack(
            MAGIC,
            self.version,
            self.count,
            self.degree,
            self.fractional_bits,
            self.flags,
            self.last,
        )


def parse_header(data: bytes, versions: tuple[int, ...]) -> Header:
    """The header in 16 bytes.

    Raises:
        Corrupt: other bytes, or a version that has no place in such a file.
        Unsupported: a newer version, or flags that are not known.
    """
    magic, version, count, degree, fractional_bits, flags, last = HEADER.unpack(data)
    if magic != MAGIC:
        raise Corrupt(
            "not an SPZ file", section="header", offset=0, expected=PLAIN_MAGIC, found=data[:4]
        )
    if version not in versions:
        newer = version > PLAIN_VERSION
        raise (Unsupported if newer else Corrupt)(
            "a newer version of SPZ" if newer else "the version does not fit the file",
            section="header",
            offset=4,
            expected=" or ".join(map(str, versions)),
            found=version,
        )
    for name, value, most, offset in (
        ("SH degree", degree, MAX_DEGREE, 12),
        ("number of fractional bits", fractional_bits, MAX_FRACTIONAL_BITS, 13),
    ):
        if value > most:
            raise Corrupt(
                f"no such {name}",
                section="header",
                offset=offset,
                expected=f"0..{most}",
                found=value,
            )
    if flags & ~KNOWN_FLAGS:
        raise Unsupported(
            "the file has unknown flags",
            section="header",
            offset=14,
            expected=f"0..{KNOWN_FLAGS}",
            found=flags,
            hint="levels of detail, for instance: its maker may write it without them",
        )
    return Header(version, count, degree, fractional_bits, flags, last)

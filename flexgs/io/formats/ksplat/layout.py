# SPDX-License-Identifier: Apache-2.0
"""Where things lie in a .ksplat: a header, section headers, then the sections.

A section is: u32 lengths of the partially filled buckets; the centres of all buckets, full ones
first, 3 x f32; the rows, bucket by bucket. Level 0 has no buckets and rows of float32; level 1 has
positions of 16 bits within their bucket's block and half floats; level 2 has SH of 8 bits, too.
Source: GaussianSplats3D, src/loaders/SplatBuffer.js.
"""

from __future__ import annotations

import numpy as np

from flexgs.io.sniff import Probe

VERSION = (0, 1)
MAX_DEGREE = 2
MAX_LEVEL = 2
SH_DEFAULT = 1.5  # SH of 8 bits lie within +-1.5 where the header says nothing
DEFAULT_RANGE = 32767  # of positions: u16 of this value is the centre of the block
MAX_SECTIONS = 4096  # of those met: 1

HEADER = np.dtype(
    {
        "names": [
            *("major", "minor", "max_sections", "sections", "max_splats", "splats"),
            *("level", "centre", "sh_low", "sh_high"),
        ],
        "formats": ["u1", "u1", "<u4", "<u4", "<u4", "<u4", "<u2", ("<f4", 3), "<f4", "<f4"],
        "offsets": [0, 1, 4, 8, 12, 16, 20, 24, 36, 40],
        "itemsize": 4096,
    }
)
SECTION = np.dtype(
    {
        "names": [
            *("splats", "max_splats", "bucket_size", "buckets", "block_size", "centre_bytes"),
            *("range", "bytes", "full_buckets", "partial_buckets", "degree"),
        ],
        "formats": [*["<u4"] * 4, "<f4", "<u2", *["<u4"] * 4, "<u2"],
        "offsets": [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40],
        "itemsize": 1024,
    }
)
LENGTH = np.dtype("<u4")
CENTRE_BYTES = 12


def row_type(level: int, degree: int) -> np.dtype[np.void]:
    """A Gaussian's row. Scales are linear, quaternions w, x, y, z; SH go degree by degree, all of
    red, then green, then blue.

    >>> [[row_type(level, degree).itemsize for degree in range(3)] for level in range(3)]
    [[44, 80, 140], [24, 42, 72], [24, 33, 48]]
    """
    number = "<f4" if level == 0 else "<f2"
    fields: list[tuple[str, str, int]] = [
        ("mean", "<f4" if level == 0 else "<u2", 3),
        ("scale", number, 3),
        ("quat", number, 4),
        ("rgba", "u1", 4),
    ]
    coefficients = [0, 9, 24][degree]
    if coefficients:
        fields.append(("sh", ("<f4", "<f2", "u1")[level], coefficients))
    return np.dtype(fields)


def is_likely_ksplat(probe: Probe) -> bool:
    """Whether the first bytes are a header whose counts agree: its magic is two bytes only."""
    least = HEADER.itemsize + SECTION.itemsize
    if probe.size < least or len(probe.start) < least:
        return False
    header = np.frombuffer(probe.start, HEADER, 1)[0]
    sections = int(header["max_sections"])
    return (
        (int(header["major"]), int(header["minor"])) == VERSION
        and probe.start[2:4] == b"\0\0"
        and int(header["level"]) <= MAX_LEVEL
        and 1 <= int(header["sections"]) <= sections
        and HEADER.itemsize + sections * SECTION.itemsize <= probe.size
        and int(header["splats"]) <= int(header["max_splats"])
    )

# SPDX-License-Identifier: Apache-2.0
"""HEAD of the `rd` profile: counts, and the plans of geometry and colours. Needs no kernels."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.kinds import RD_PROFILE
from flexgs.core.splats import MODELS, SH_COEFFICIENTS, Model
from flexgs.errors import Corrupt
from flexgs.quant.adaptive.colours import BANDS, ColourPlan
from flexgs.quant.adaptive.features import FEATURES, OCTAVE
from flexgs.quant.adaptive.geometry_plan import (
    PLAN_BYTES,
    GeometryPlan,
    read_geometry_plan,
    write_geometry_plan,
)
from flexgs.quant.segments import segment_bounds

I64 = npt.NDArray[np.int64]

RD_MODELS: tuple[Model, ...] = ("3dgs", "mip")
MAX_DEGREE = 3
CHUNK_ROWS = 1 << 16  # at most, of what this version writes
WHOLE_ROWS = 1 << 14  # fewer Gaussians are one chunk
MAX_CHUNK_ROWS = 1 << 17  # of what it reads: bounds the memory that chunks in progress take
MAX_BAND_CLASS = 16 * OCTAVE  # what a band adds to the class of a step

_COUNTS = struct.Struct("<BBBBQI")  # profile, degree, model, 0, n, chunks
_COLOURS = struct.Struct(f"<{2 * (len(FEATURES) + 1) + BANDS}h")
HEAD_BYTES = _COUNTS.size + PLAN_BYTES + _COLOURS.size


@dataclass(frozen=True, eq=False)
class RdHead:
    """What a decoder must know before any other section."""

    model: Model
    n: int
    chunks: int
    geometry: GeometryPlan
    colours: ColourPlan

    @property
    def degree(self) -> int:
        """Of the spherical harmonics, 0..3."""
        return self.colours.degree

    @property
    def bounds(self) -> I64:
        """First rows of all chunks, and n."""
        return segment_bounds(self.n, self.chunks) if self.chunks else np.zeros(1, np.int64)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the decoded arrays."""
        return self.n * 4 * (11 + 3 * SH_COEFFICIENTS[self.degree])


def chunk_count(n: int) -> int:
    """Chunks, an even number of at most CHUNK_ROWS Gaussians, so that two cores share them.

    Every chunk learns its statistics anew: 145 bytes of table and about 500 of learning.

    >>> chunk_count(0), chunk_count(10_000), chunk_count(40_000), chunk_count(1_000_000)
    (0, 1, 2, 16)
    """
    if n < WHOLE_ROWS:
        return min(n, 1)
    return 2 * -(-n // (2 * CHUNK_ROWS))


def rd_chunk_bounds(n: int) -> I64:
    """First rows of the chunks that `pack_rd` cuts n Gaussians into, and n.

    >>> rd_chunk_bounds(5).tolist(), rd_chunk_bounds(0).tolist()
    ([0, 5], [0])
    """
    count = chunk_count(n)
    return segment_bounds(n, count) if count else np.zeros(1, np.int64)


def write_rd_head(head: RdHead) -> bytes:
    """HEAD_BYTES bytes."""
    counts = _COUNTS.pack(RD_PROFILE, head.degree, MODELS.index(head.model), 0, head.n, head.chunks)
    plan = head.colours
    colours = _COLOURS.pack(*plan.dc, *plan.sh, *plan.bands)
    return counts + write_geometry_plan(head.geometry) + colours


def read_rd_head(payload: bytes) -> RdHead:
    """The inverse of `write_rd_head`; the caller has looked at the profile.

    Raises:
        Corrupt: a value is out of range.
    """
    if len(payload) != HEAD_BYTES:
        raise Corrupt("wrong length", section="head", expected=HEAD_BYTES, found=len(payload))
    _, degree, model, spare, n, chunks = _COUNTS.unpack_from(payload)
    lawful = (
        degree <= MAX_DEGREE
        and model < len(RD_MODELS)
        and spare == 0
        and min(n, 1) <= chunks <= n
        and n <= chunks * MAX_CHUNK_ROWS
    )
    *words, last = _COLOURS.unpack_from(payload, len(payload) - _COLOURS.size)
    dc, sh = words[: len(FEATURES) + 1], words[len(FEATURES) + 1 : -2]
    bands = (words[-2], words[-1], last)
    if not lawful or max(map(abs, bands)) > MAX_BAND_CLASS:
        raise Corrupt(
            "a value is out of range",
            section="head",
            expected="values that docs/format.md allows",
            found=payload[: _COUNTS.size].hex(),
        )
    geometry = read_geometry_plan(payload[_COUNTS.size : _COUNTS.size + PLAN_BYTES])
    colours = ColourPlan(degree, tuple(dc), tuple(sh), bands)
    return RdHead(MODELS[model], n, chunks, geometry, colours)

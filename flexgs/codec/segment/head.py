# SPDX-License-Identifier: Apache-2.0
"""The HEAD section: counts, widths and the position frame, 56 bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.codec.kinds import SEGMENT_PROFILE
from flexgs.codec.segment.kinds import Group, groups
from flexgs.core.splats import MODELS, SH_COEFFICIENTS, Model
from flexgs.errors import Corrupt
from flexgs.quant import SegmentPlan
from flexgs.quant.plan import MAX_BITS, MAX_SEGMENTS
from flexgs.quant.positions import Frame
from flexgs.quant.segments import segment_bounds

I64 = npt.NDArray[np.int64]

WIDTHS = ("means", "dc", "opacity", "scales", "quats", "sh")
CHUNK_ROWS = 1 << 17  # about; chunks are whole segments
MAX_ORIGIN = 1 << 22

# profile, d, degree, model, n, segments, chunks, widths, rotation channels, 0, center, radius,
# origin
HEAD = struct.Struct("<BBBBQII6BBB3ff3i")


@dataclass(frozen=True)
class Head:
    """What a decoder must know before any other section."""

    d: int
    degree: int
    model: Model
    n: int
    segments: int
    chunks: int
    rotation: int  # channels of quaternions: 3 (w follows) or 4
    plan: SegmentPlan  # widths; codec and level are hints of the metadata
    frame: Frame
    origin: I64  # (d,) smallest grid index per axis

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups of channels."""
        return groups(self.d, self.degree, self.rotation)

    @property
    def bounds(self) -> I64:
        """First rows of all segments, and n."""
        return segment_bounds(self.n, self.segments)

    @property
    def chunk_segments(self) -> I64:
        """First segments of all chunks, and the number of segments."""
        return segment_bounds(self.segments, self.chunks)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the decoded arrays."""
        return self.n * 4 * (2 * self.d + 5 + 3 * SH_COEFFICIENTS[self.degree])


def chunk_count(n: int, segments: int) -> int:
    """Chunks of about CHUNK_ROWS Gaussians, at least one, at most one a segment.

    >>> chunk_count(280_000, 100), chunk_count(0, 1)
    (3, 1)
    """
    return min(max(1, -(-n // CHUNK_ROWS)), segments)


def write_head(head: Head) -> bytes:
    """56 bytes; axes that a 2-D scene has not are zero."""
    spare = [0] * (3 - head.d)
    return HEAD.pack(
        SEGMENT_PROFILE,
        head.d,
        head.degree,
        MODELS.index(head.model),
        head.n,
        head.segments,
        head.chunks,
        *(getattr(head.plan, name) for name in WIDTHS),
        head.rotation,
        0,
        *head.frame.center.tolist(),
        *spare,
        float(head.frame.radius),
        *head.origin.tolist(),
        *spare,
    )


def read_head(payload: bytes) -> Head:
    """The inverse of `write_head`; the caller has looked at the profile.

    Raises:
        Corrupt: a value is out of range.
    """
    if len(payload) != HEAD.size:
        raise Corrupt("wrong length", section="head", expected=HEAD.size, found=len(payload))
    _, d, degree, model, n, segments, chunks, *rest = HEAD.unpack(payload)
    widths, rotation, spare = rest[:6], rest[6], rest[7]
    center, radius, origin = rest[8:11], rest[11], rest[12:15]
    lawful = (
        d in (2, 3)
        and degree < len(SH_COEFFICIENTS)
        and model < len(MODELS)
        and 1 <= segments <= MAX_SEGMENTS
        and 1 <= chunks <= segments
        and rotation in (3, 4)
        and spare == 0
        and all(1 <= width <= MAX_BITS for width in widths)
        and np.isfinite([*center, radius]).all()
        and radius > 0
        and max(map(abs, origin)) <= MAX_ORIGIN
        and not any([*center[d:], *origin[d:]])
    )
    if not lawful:
        raise Corrupt(
            "a value is out of range",
            section="head",
            expected="values that docs/format.md allows",
            found=payload.hex(),
        )
    return Head(
        d=d,
        degree=degree,
        model=MODELS[model],
        n=n,
        segments=segments,
        chunks=chunks,
        rotation=rotation,
        plan=SegmentPlan(segments=segments, **dict(zip(WIDTHS, widths, strict=True))),
        frame=Frame(np.array(center[:d], np.float32), np.float32(radius)),
        origin=np.array(origin[:d], np.int64),
    )

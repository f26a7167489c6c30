# SPDX-License-Identifier: Apache-2.0
"""What the decoder must know before it reads any geometry: a frame, and integer coefficients."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt
from flexgs.quant.adaptive.cells import MAX_DEPTH
from flexgs.quant.adaptive.features import FEATURES
from flexgs.quant.positions import Frame

I32 = npt.NDArray[np.int32]

STEPPED = ("opacity", "scale_1", "scale_2", "scale_3", "pole", "spin", "place")
GUESSED = ("scale_1", "scale_2", "scale_3")
MAX_FLOOR = 40 * 16
_HEAD = struct.Struct("<ffffBBh")
_WIDTH = len(FEATURES) + 1
_COUNT = (len(STEPPED) + len(GUESSED)) * _WIDTH
PLAN_BYTES = _HEAD.size + 2 * _COUNT


@dataclass(frozen=True, eq=False)
class GeometryPlan:
    """Frame of the positions, size of the cells, and one row of coefficients a parameter."""

    frame: Frame
    depth: int  # cells are 2^-depth radii wide
    root: int  # all cells lie in -2^root .. 2^root - 1
    floor: int  # sixteenths of log2 of the axis that is as good as none
    steps: I32  # (7, 7) coefficients of step classes, rows as STEPPED
    guesses: I32  # (3, 7) coefficients of expected values, rows as GUESSED


def write_geometry_plan(plan: GeometryPlan) -> bytes:
    """PLAN_BYTES bytes."""
    center = plan.frame.center.tolist()
    head = _HEAD.pack(*center, float(plan.frame.radius), plan.depth, plan.root, plan.floor)
    rows = np.concatenate([plan.steps, plan.guesses])
    return head + rows.astype("<i2").tobytes()


def read_geometry_plan(payload: bytes) -> GeometryPlan:
    """The inverse of `write_geometry_plan`.

    Raises:
        Corrupt: wrong length, or a value that no encoder writes.
    """
    if len(payload) != PLAN_BYTES:
        raise Corrupt("wrong length", section="geometry", expected=PLAN_BYTES, found=len(payload))
    *center, radius, depth, root, floor = _HEAD.unpack_from(payload)
    lawful = (
        np.isfinite([*center, radius]).all()
        and radius > 0
        and depth <= MAX_DEPTH
        and root <= depth + 7
        and abs(floor) <= MAX_FLOOR
    )
    if not lawful:
        raise Corrupt(
            "a value is out of range",
            section="geometry",
            expected="values that docs/rd-profile.md allows",
            found=payload[: _HEAD.size].hex(),
        )
    rows = np.frombuffer(payload, "<i2", offset=_HEAD.size).astype(np.int32).reshape(-1, _WIDTH)
    frame = Frame(np.array(center, np.float32), np.float32(radius))
    steps, guesses = rows[: len(STEPPED)], rows[len(STEPPED) :]
    return GeometryPlan(frame, depth, root, floor, steps, guesses)

# SPDX-License-Identifier: Apache-2.0
"""`invent_cameras`: cameras for a scene that came without any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.cameras.place import draw_cameras, find_stance
from flexgs.cameras.subject import find_subject
from flexgs.core import Camera, Splats
from flexgs.progress import SILENT, Progress
from flexgs.render.protocol import Renderer

F64 = npt.NDArray[np.float64]

COUNT = 120
WIDTH = 800


@dataclass(frozen=True)
class InventedCameras:
    """Cameras, and what was assumed to get them."""

    cameras: tuple[Camera, ...]
    note: str  # one sentence for the report
    up: F64  # (3,) unit
    center: F64  # (3,) what they look at
    distance: float  # scene units, typical


def invent_cameras(
    splats: Splats,
    renderer: Renderer,
    *,
    count: int = COUNT,
    width: int = WIDTH,
    progress: Progress = SILENT,
) -> InventedCameras:
    """Cameras where the photographs of this scene can have been taken from."""
    subject = find_subject(splats)
    stance = find_stance(splats, subject)
    cameras = draw_cameras(stance, count, width)
    return InventedCameras(cameras, "invented", stance.up, subject.center, stance.distance)

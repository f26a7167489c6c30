# SPDX-License-Identifier: Apache-2.0
"""The views that a page steps through: the worst first, where a report says which that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from flexgs.cameras.place import draw_cameras, find_stance
from flexgs.cameras.subject import Subject, find_subject
from flexgs.core import Camera, Splats
from flexgs.errors import SceneError
from flexgs.io.cameras.find import find_cameras
from flexgs.io.cameras.load import make_distinct, read_cameras
from flexgs.progress import SILENT, Progress
from flexgs.viewer.figures import Figures

F64 = npt.NDArray[np.float64]

AROUND = 12  # views around a scene without cameras
WIDTH = 960  # pixels of their pictures
MAX_SHOWN = 2_000  # cameras of a page; more are thinned evenly
INVENTED = "none given: placed around the subject"


@dataclass(frozen=True, eq=False)
class Stops:
    """Cameras in the order to look at them, and the frame that the controls move in."""

    cameras: tuple[Camera, ...]
    source: str
    up: F64  # (3,) unit
    center: F64  # (3,) what they look at
    radius: float  # scene units, of the subject
    notes: tuple[str, ...] = ()


def find_stops(
    paths: Sequence[str | Path],
    splats: Splats,
    cameras: Path | Literal["none"] | None,
    figures: Figures | None,
    progress: Progress = SILENT,
) -> Stops:
    """Cameras given or found beside the first scene that has any, else some around the scene.

    Raises:
        UsageError, FormatError, SceneError: named cameras cannot be used.
    """
    subject = _subject(splats)
    found, source, notes = _read(paths, cameras)
    if not found and figures is not None and figures.invented:
        found, source = _invented(splats, progress), "invented from the Gaussians"
    if found:
        up = _mean_up(found)
    else:
        found, up = _around(splats, subject)
    ordered = order_stops(found, figures)
    if figures is not None and figures.views and not _names(figures) & {c.name for c in found}:
        notes = (*notes, "none of the report's views has its camera here: give --cameras")
    return Stops(ordered, source, up, subject.center, subject.radius, notes)


def _read(
    paths: Sequence[str | Path], cameras: Path | Literal["none"] | None
) -> tuple[tuple[Camera, ...], str, tuple[str, ...]]:
    """Cameras named or found, their name, notes; photographs do not matter here."""
    if cameras == "none":
        return (), INVENTED, ()
    beside = (find_cameras(path) for path in paths)
    path = next((each for each in beside if each is not None), None) if cameras is None else cameras
    if path is None:
        return (), INVENTED, ()
    found, notes = read_cameras(path)
    if not found:
        raise SceneError("there is no camera in it", path=path)
    found, more = make_distinct(found)
    return found, f"{path.parent.name}/{path.name}" if path.is_dir() else path.name, (*notes, *more)


def order_stops(cameras: Sequence[Camera], figures: Figures | None) -> tuple[Camera, ...]:
    """The report's views, the worst first; then the others by name, evenly thinned."""
    views = () if figures is None else figures.views
    by_name = {camera.name: camera for camera in cameras}
    first = [by_name[view.name] for view in views if view.name in by_name][:MAX_SHOWN]
    taken = {camera.name for camera in first}
    rest = sorted((c for c in cameras if c.name not in taken), key=lambda camera: camera.name)
    room = min(len(rest), MAX_SHOWN - len(first))
    return (*first, *(rest[i * len(rest) // room] for i in range(room)))


def _names(figures: Figures) -> set[str]:
    return {view.name for view in figures.views}


def _subject(splats: Splats) -> Subject:
    """What the scene is about; a ball around everything where that cannot be told."""
    try:
        return find_subject(splats)
    except SceneError:  # nothing visible, or all of it in one point
        means = splats.means.astype(np.float64)
        center = np.median(means, axis=0)
        distances = np.linalg.norm(means - center, axis=1)
        size = float(np.exp(np.clip(splats.log_scales.max(), -10, 10)))
        return Subject(center, max(float(distances.max()), size), distances)


def _around(splats: Splats, subject: Subject) -> tuple[tuple[Camera, ...], F64]:
    """A few views where photographs may have been taken from, unchecked, and what is up there."""
    stance = find_stance(splats, subject)
    return draw_cameras(stance, AROUND, WIDTH), stance.up


def _invented(splats: Splats, progress: Progress) -> tuple[Camera, ...]:
    """The cameras that a compression without any invents: the same ones, with the same names."""
    from flexgs.cameras import invent_cameras
    from flexgs.render import get_renderer

    return invent_cameras(splats, get_renderer("cpu", None), progress=progress).cameras


def _mean_up(cameras: Sequence[Camera]) -> F64:
    """Photographers hold their cameras upright, most of them."""
    up = -np.mean([camera.world_to_camera[1, :3] for camera in cameras], axis=0)
    length = float(np.linalg.norm(up))
    return np.asarray(up / length if length > 1e-6 else np.array([0.0, -1.0, 0.0]))

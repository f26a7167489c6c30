# SPDX-License-Identifier: Apache-2.0
"""The photograph of each camera: found by name, and the camera fitted to its size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flexgs.core import Camera
from flexgs.errors import SceneError, UsageError
from flexgs.io.files import safe_join
from flexgs.io.images import SUFFIXES, image_size


def _stem(name: str) -> str:
    """`name` without the extension of an image, lower case: a.b.JPG -> a.b."""
    lowered = name.lower()
    return next((lowered[: -len(end)] for end in SUFFIXES if lowered.endswith(end)), lowered)


class PhotoFolder:
    """Images of a folder and its sub-folders by name; each folder is listed once."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._stems: dict[Path, dict[str, Path]] = {}

    def find(self, name: str) -> Path | None:
        """The photograph called `name`: exactly so, else with another extension or without one.

        A name's own folders are tried first (`left/0001.jpg`), then its last part alone.

        Raises:
            Corrupt: the name leads out of the folder.
        """
        wanted = safe_join(self.root, name)
        try:
            return self._find(wanted) or self._find(self.root / wanted.name)
        except OSError:  # a name longer than the system takes, a folder that cannot be listed
            return None

    def _find(self, wanted: Path) -> Path | None:
        if wanted.suffix.lower() in SUFFIXES and wanted.is_file():
            return wanted
        return self._listed(wanted.parent).get(_stem(wanted.name))

    def _listed(self, folder: Path) -> dict[str, Path]:
        if folder not in self._stems:
            found = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
            self._stems[folder] = {
                _stem(path.name): path for path in found if path.suffix.lower() in SUFFIXES
            }
        return self._stems[folder]


def fit_to_photo(camera: Camera, photo: Path) -> Camera:
    """The camera with the photograph's size, and that photograph.

    Raises:
        SceneError: the shapes differ by more than a pixel.
    """
    width, height = image_size(photo)
    # either size may be the rounded one
    off_photo = abs(width * camera.height / camera.width - height)
    off_camera = abs(camera.width * height / width - camera.height)
    if min(off_photo, off_camera) > 1:
        raise SceneError(
            f"the photograph does not have the shape of camera {camera.name!r}",
            path=photo,
            expected=f"{camera.width}x{camera.height} or that shape in another size",
            found=f"{width}x{height}",
        )
    return replace(camera.resized(width, height), image_path=photo)


def attach_photos(cameras: tuple[Camera, ...], images: str | Path) -> tuple[Camera, ...]:
    """Cameras fitted to their photographs in the folder `images`; those without stay as they are.

    Raises:
        UsageError: no such folder. SceneError: a photograph of another shape.
        FormatError: a photograph that cannot be read.
    """
    if not Path(images).is_dir():
        raise UsageError("no such folder of images", path=images)
    folder = PhotoFolder(images)
    fitted = []
    for camera in cameras:
        photo = folder.find(camera.name)
        fitted.append(camera if photo is None else fit_to_photo(camera, photo))
    return tuple(fitted)

# SPDX-License-Identifier: Apache-2.0
"""Files that only the command line writes: pictures of views, tables of scores."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexgs.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from flexgs.core import Camera


def ensure_folder(folder: Path, force: bool) -> None:
    """Checks, before any work, that pictures may be put into `folder`; it is made with the first.

    Raises:
        UsageError: it is a file, cannot be made, or holds something and `force` is not given.
    """
    try:
        writable = folder if folder.is_dir() else folder.absolute().parent
        is_used = folder.exists() and any(folder.iterdir())
        if not writable.is_dir() or not os.access(writable, os.W_OK | os.X_OK):
            raise UsageError(
                "the folder cannot be made", path=folder, expected=f"a writable {writable}"
            )
    except (OSError, ValueError) as error:
        raise UsageError(f"not a usable folder: {error}", path=folder) from error
    if is_used and not force:
        raise UsageError("the folder is not empty", path=folder, hint="--force adds and overwrites")


def write_pictures(
    views: Iterable[tuple[Camera, npt.NDArray[np.float32]]], folder: Path
) -> list[str]:
    """A PNG for each view, named after its camera; returns the names."""
    from flexgs.io import write_png

    names: list[str] = []
    for camera, image in views:
        folder.mkdir(exist_ok=True)
        name = picture_name(camera.name, names)
        write_png(folder / name, image)
        names.append(name)
    return names


def picture_name(camera: str, taken: Iterable[str] = ()) -> str:
    """A file name for a camera's name, which comes from a file and may be anything.

    >>> picture_name("images/DSC 01.JPG"), picture_name("../x", ["x.png"])
    ('DSC_01.png', 'x-2.png')
    """
    stem = re.split(r"[/\\]", camera)[-1]
    stem = re.sub(r"(?i)\.(jpe?g|png|webp)$", "", stem)
    stem = re.sub(r"[^\w.-]", "_", stem, flags=re.ASCII).strip(".")[:100] or "view"
    number, used = 1, {name.lower() for name in taken}
    while True:
        name = f"{stem}.png" if number == 1 else f"{stem}-{number}.png"
        if name.lower() not in used:
            return name
        number += 1


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Arrays by name, compressed, whole or not at all."""
    import numpy as np

    from flexgs.io import atomic_write

    with atomic_write(path) as file:
        np.savez_compressed(file, **dict(arrays))  # type: ignore[arg-type]  # names are scores

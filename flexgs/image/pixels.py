# SPDX-License-Identifier: Apache-2.0
"""Photographs and drawings of any kind in, decoded pictures out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from flexgs.errors import Unsupported, UsageError
from flexgs.image.deep_png import is_deep, take_lower_bytes, write_deep_png
from flexgs.io.files import atomic_write
from flexgs.io.images import opened_image

if TYPE_CHECKING:
    from PIL.Image import Image

F32 = npt.NDArray[np.float32]

_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_SAVING: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "optimize": True},
    "WEBP": {"lossless": True},
}


@dataclass(frozen=True, eq=False)
class Picture:
    """What a file showed, upright. Colours of RGBA are multiplied by alpha."""

    values: F32  # (h, w, 1 | 3 | 4) in 0..1
    deep: bool = False  # 16 bits a channel

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.values.shape[1], self.values.shape[0]

    @property
    def pixels(self) -> int:
        """How many."""
        width, height = self.size
        return width * height


def read_picture(path: str | Path) -> Picture:
    """A PNG, JPEG or WebP of 1, 8 or 16 bits: grey, RGB or RGBA, turned as its EXIF says.

    Opaque RGBA becomes RGB, palettes and CMYK as well. Of 16 bits all count but those of PNGs that
    are grey with alpha or have one transparent colour: these are read with 8.

    Raises:
        FormatError: no such file, broken, or beyond the limit of pixels.
    """
    from PIL import ImageOps

    with opened_image(path) as image:
        if image.mode in _DEEP_MODES:
            values = np.asarray(ImageOps.exif_transpose(image)).astype(np.float32)
            scaled = np.clip(values / np.float32(65535), 0, 1)[..., None]
            return Picture(scaled.astype(np.float32), deep=True)
        if image.mode not in _MODES:
            raise Unsupported("an image of unknown colours", path=path, found=image.mode)
        deep = is_deep(image) and "transparency" not in image.info
        upright = ImageOps.exif_transpose(image).convert(_mode_of(image))
        values = np.asarray(upright, dtype=np.float32)
    if deep:
        with opened_image(path) as image:
            take_lower_bytes(image)
            values = 256 * values + np.asarray(ImageOps.exif_transpose(image), np.float32)
    values /= np.float32(65535 if deep else 255)
    if values.ndim == 2:
        return Picture(values[..., None])
    if values.shape[2] == 4:
        if (values[..., 3] == 1).all():
            return Picture(np.ascontiguousarray(values[..., :3]), deep)
        values[..., :3] *= values[..., 3:]
    return Picture(values, deep)


def _mode_of(image: Image) -> str:
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        return "RGBA"
    return "L" if image.mode in ("1", "L") else "RGB"


def check_picture_name(path: str | Path) -> None:
    """Checks, before any work, that a picture can be written under this name.

    Raises:
        UsageError: its ending says no format that can be written.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UsageError(
            "the picture's name says no known format", path=path, expected=", ".join(SUFFIXES)
        )


def write_picture(
    path: str | Path,
    values: F32,  # (h, w, 1 | 3 | 4), colours of 4 multiplied by alpha
    deep: bool = False,
) -> None:
    """Clamps to 0..1, rounds and writes in the format of the name; replaces what is there.

    Args:
        deep: 16 bits a channel where the format has them: PNG.

    Raises:
        UsageError: the name says no format, or one without transparency for RGBA.
    """
    import PIL.Image

    check_picture_name(path)
    kind = SUFFIXES[Path(path).suffix.lower()]
    if kind == "JPEG" and values.shape[2] == 4:
        raise UsageError("a JPEG cannot be transparent", path=path, hint="write a .png")
    deep = deep and kind == "PNG"
    samples = _samples(values, 65535 if deep else 255)
    with atomic_write(path) as file:
        if deep and samples.ndim == 3:
            write_deep_png(file, samples)
        else:
            PIL.Image.fromarray(samples).save(file, format=kind, **_SAVING.get(kind, {}))


def _samples(values: F32, most: int) -> npt.NDArray[Any]:  # -> (h, w) or (h, w, 3 | 4)
    """Whole numbers 0..most, colours no longer multiplied by alpha."""
    shown = np.nan_to_num(values)
    if shown.shape[2] == 4:
        alpha = np.clip(shown[..., 3:], 0, 1)
        shown = np.concatenate((shown[..., :3] / np.maximum(alpha, 1 / most), alpha), axis=2)
    whole = np.rint(np.clip(shown, 0, 1) * most).astype(np.uint16 if most > 255 else np.uint8)
    return whole[..., 0] if whole.shape[2] == 1 else whole

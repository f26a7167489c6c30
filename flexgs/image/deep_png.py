# SPDX-License-Identifier: Apache-2.0
"""PNG of 16 bits a channel in RGB and RGBA, of which Pillow gives the upper 8."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

U16 = npt.NDArray[np.uint16]

_UPPER, _LOWER = ";16B", ";16L"  # Pillow's names of how samples lie: their first or second byte


def is_deep(image: Image) -> bool:
    """Whether an opened image that is not decoded yet is such a PNG."""
    tiles = getattr(image, "tile", ())
    modes = [str(args) for _, _, _, args in tiles]
    return image.mode in ("RGB", "RGBA") and modes == [image.mode + _UPPER]


def take_lower_bytes(image: Image) -> None:
    """Makes an opened image that `is_deep` decode to the lower bytes of its samples."""
    tiles: list[tuple[object, ...]] = getattr(image, "tile", [])
    tiles[:] = [(*place, str(args).replace(_UPPER, _LOWER)) for *place, args in tiles]


def write_deep_png(file: BinaryIO, values: U16) -> None:  # (h, w, 3 | 4)
    """A PNG of 16 bits a channel, RGB or RGBA."""
    import png

    height, width, planes = values.shape
    writer = png.Writer(width, height, bitdepth=16, greyscale=False, alpha=planes == 4)
    writer.write(file, values.reshape(height, -1))

# SPDX-License-Identifier: Apache-2.0
"""Photographs in, renders out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt, FlexgsError, TooLarge, Unsupported
from flexgs.io.files import atomic_write, file_size
from flexgs.limits import MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

F32 = npt.NDArray[np.float32]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_FORMATS = ("PNG", "JPEG", "WEBP")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")  # 8 bits a channel


@contextmanager
def opened_image(path: str | Path) -> Iterator[Image]:
    """The image as Pillow has it, header read and checked, pixels not decoded yet.

    Raises:
        FormatError: no PNG, JPEG or WebP, broken, or beyond the limit of pixels; also for what
            goes wrong in the block.
    """
    import PIL.Image  # 40 ms that most commands do not need

    file_size(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow's bomb warning
            with PIL.Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > MAX_IMAGE_PIXELS:
                    raise TooLarge(
                        "the image has too many pixels",
                        path=path,
                        section="header",
                        expected=f"at most {MAX_IMAGE_PIXELS}",
                        found=f"{image.width}x{image.height}",
                    )
                yield image
    except FlexgsError:
        raise
    except Exception as error:  # decoders of three formats raise whatever they like on bad bytes
        is_bomb = isinstance(error, (PIL.Image.DecompressionBombError, RuntimeWarning))
        raise (TooLarge if is_bomb else Corrupt)(
            f"not a readable image: {error}", path=path, expected="PNG, JPEG or WebP"
        ) from error


def image_size(path: str | Path) -> tuple[int, int]:
    """(width, height) in pixels, from the header alone.

    Raises:
        FormatError: no PNG, JPEG or WebP, or beyond the limit of pixels.
    """
    with opened_image(path) as image:
        return image.width, image.height


def read_image(path: str | Path, size: tuple[int, int] | None = None) -> F32:  # (h, w, 3) in [0, 1]
    """An 8-bit image as RGB; transparent pixels are blended over black, the renderers' background.

    Args:
        size: (width, height) to scale a larger image of this shape down to, in 8 bits, bicubic, as
            INRIA's loader does; an image of another shape stays as it is.

    Raises:
        FormatError: no PNG, JPEG or WebP, broken, beyond the limit of pixels, or of more bits.
    """
    with opened_image(path) as image:
        if image.mode not in _MODES:
            raise Unsupported(
                "only images of 8 bits a channel can be read", path=path, found=image.mode
            )
        has_alpha = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
        whole = image.convert("RGBA" if has_alpha else "RGB")
        if size is not None and _is_larger(whole.size, size):
            whole = whole.resize(size)
        decoded = np.asarray(whole)
    pixels: F32 = np.divide(decoded, 255, dtype=np.float32)
    if has_alpha:
        pixels = pixels[..., :3] * pixels[..., 3:]
    return pixels


def _is_larger(found: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """Whether an image has the shape of `wanted`, to the pixel, and more pixels."""
    (width, height), (w, h) = found, wanted
    return width > w and height >= h and abs(h * width - w * height) <= max(width, height)


def write_png(path: str | Path, image: npt.NDArray[np.floating]) -> None:  # (h, w, 3)
    """Writes RGB values, clamped to [0, 1] and rounded to 8 bits. Replaces what is there.

    Raises:
        FlexgsError: the system refused a write.
    """
    import PIL.Image

    values = np.nan_to_num(np.clip(image, 0, 1))
    picture = PIL.Image.fromarray(np.rint(values * 255).astype(np.uint8))
    with atomic_write(path) as file:
        picture.save(file, format="PNG")

# SPDX-License-Identifier: Apache-2.0
"""Lossless 8-bit pictures as tables of bytes: one row a pixel."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.errors import Corrupt, FlexgsError, TooLarge, Truncated, Unsupported

U8 = npt.NDArray[np.uint8]

MAX_SIDE = 16383  # of a WebP picture
_VP8L_MAGIC = 0x2F
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_HEADER_BYTES = 30  # up to the end of the size, in all three layouts
_QUALITY, _METHOD = 100, 4  # of the encoder: how hard it tries
_ANIMATED = 0x02  # flag of a VP8X header


@dataclass(frozen=True)
class Place:
    """Where a picture stands, for errors."""

    origin: str
    name: str

    def error(
        self, kind: type[FlexgsError], what: str, expected: object = None, found: object = None
    ) -> FlexgsError:
        """An error about this picture."""
        return kind(what, path=self.origin, section=self.name, expected=expected, found=found)


def picture_size(data: bytes, place: Place) -> tuple[int, int]:
    """(width, height) out of the header of a lossless WebP or a PNG; nothing is decoded.

    Source: RFC 9649 (WebP container, and section 3.4 for VP8L's header); RFC 2083 (PNG).

    Raises:
        Truncated, Corrupt, Unsupported: it is something else.
    """
    if len(data) < _HEADER_BYTES:
        raise place.error(Truncated, "the picture ends early", f"{_HEADER_BYTES} bytes", len(data))
    if data.startswith(_PNG_MAGIC):
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise place.error(Corrupt, "not a picture", "WebP or PNG", repr(data[:12]))
    kind = data[12:16]
    if kind == b"VP8L" and data[20] == _VP8L_MAGIC:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and not data[20] & _ANIMATED and b"VP8L" in data:
        return (
            int.from_bytes(data[24:27], "little") + 1,
            int.from_bytes(data[27:30], "little") + 1,
        )
    raise place.error(Unsupported, "not a lossless picture", "WebP of kind VP8L", repr(kind))


def decode_picture(data: bytes, place: Place, pixels: tuple[int, int]) -> tuple[int, U8]:
    """(width, (width * height, 4) RGBA) of a picture with `pixels` = (at least, at most) pixels.

    The size is checked before Pillow sees the bytes.

    Raises:
        FormatError: see `picture_size`; the wrong number of pixels; broken inside.
    """
    import PIL.Image  # 40 ms that other formats do not need

    width, height = picture_size(data, place)
    least, most = pixels
    if not least <= width * height <= most:
        kind = Truncated if width * height < least else TooLarge
        expected = f"{least} to {most} pixels"
        raise place.error(kind, "a picture of the wrong size", expected, f"{width}x{height}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow's own bomb warning
            with PIL.Image.open(io.BytesIO(data), formats=("WEBP", "PNG")) as image:
                if image.size != (width, height) or image.mode not in ("RGB", "RGBA", "RGBX"):
                    found = f"{image.size}, {image.mode}"
                    raise place.error(Corrupt, "not the picture it says", (width, height), found)
                table = np.array(image.convert("RGBA"))
    except FlexgsError:
        raise
    except Exception as error:  # decoders raise whatever they like on bad bytes
        raise place.error(Corrupt, f"not a readable picture: {error}") from error
    return width, table.reshape(-1, 4)


def encode_picture(pixels: U8) -> bytes:  # (height, width, 3 or 4)
    """Lossless WebP, with the colours of transparent pixels kept."""
    import PIL.Image

    out = io.BytesIO()
    picture = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    picture.save(out, format="WEBP", lossless=True, exact=True, quality=_QUALITY, method=_METHOD)
    return out.getvalue()

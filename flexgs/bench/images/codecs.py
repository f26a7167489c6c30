# SPDX-License-Identifier: Apache-2.0
"""Other codecs, as Pillow has them, at many qualities and so at any number of bytes."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
Curve = list[tuple[int, float]]  # bytes, dB; ascending

_JPEG = {"optimize": True, "progressive": True, "subsampling": "4:2:0"}
_QUALITIES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 60, 70, 80, 90)
# name -> Pillow's format, the feature it needs, settings from coarse to fine
CODECS: dict[str, tuple[str, str | None, list[dict[str, Any]]]] = {
    "JPEG": ("JPEG", None, [{**_JPEG, "quality": q} for q in _QUALITIES]),
    "JPEG 2000": (
        "JPEG2000",
        "jpg_2000",
        [
            {"mct": 1, "irreversible": True, "quality_mode": "rates", "quality_layers": [24 / rate]}
            for rate in (0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.42, 0.6, 0.85, 1.2, 1.7, 2.4)
        ],
    ),
    "WebP": (
        "WEBP",
        "webp",
        [{"quality": q, "method": 6} for q in (0, 3, 6, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90)],
    ),
    "AVIF": (
        "AVIF",
        "avif",
        [
            {"quality": q, "speed": 6, "subsampling": "4:4:4", "max_threads": 1}
            for q in (1, 5, 10, 15, 20, 26, 32, 40, 48, 56, 64, 72, 80)
        ],
    ),
}


def available(name: str) -> bool:
    """Whether this Pillow has the codec."""
    import PIL.features

    feature = CODECS[name][1]
    return feature is None or bool(PIL.features.check(feature))


def curve(pixels: U8, name: str) -> Curve:  # pixels (h, w, 1 | 3)
    """Complete files at all settings, decoded from their bytes; nothing where Pillow lacks it."""
    import PIL.Image

    if not available(name):
        return []
    kind, _, settings = CODECS[name]
    picture = PIL.Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    points = []
    for options in settings:
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        shown = np.asarray(PIL.Image.open(buffer).convert(picture.mode)).reshape(pixels.shape)
        points.append((buffer.tell(), psnr_of(pixels, shown)))
    return sorted(points)


def at_bytes(points: Curve, size: int) -> float | None:
    """dB at a number of bytes, over their logarithm; None where no file is so small or so large.

    >>> round(at_bytes([(100, 20.0), (400, 30.0)], 200), 6)
    25.0
    >>> at_bytes([(100, 20.0), (400, 30.0)], 99) is None
    True
    """
    if not points or not points[0][0] <= size <= points[-1][0]:
        return None
    sizes, quality = np.array(points).T
    return float(np.interp(math.log(size), np.log(sizes), quality))


def psnr_of(one: U8, other: U8) -> float:
    """dB between pictures of 8 bits."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 10 * math.log10(255**2 / max(error, 1e-9))

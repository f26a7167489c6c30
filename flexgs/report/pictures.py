# SPDX-License-Identifier: Apache-2.0
"""Pictures of a view as data URIs: original, compressed, and their difference made visible."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flexgs.report.model import Picture

F32 = npt.NDArray[np.float32]
GAINS = (1, 2, 5, 10, 20, 50, 100)
JPEG_QUALITY = 95  # without chroma subsampling
DIFFERENCE_QUALITY = 90  # it is noise: a PNG of it would be most of the page


@dataclass(frozen=True)
class PictureRow:
    """What the page shows of one view."""

    label: str
    name: str
    drop_db: float
    width: int
    height: int
    gain: int  # the difference is shown so many times larger
    original: str  # data URI
    compressed: str
    difference: str


def picture_row(picture: Picture) -> PictureRow:
    """Encode one view; values are clamped to [0, 1]."""
    before, after = (np.clip(i, 0, 1) for i in (picture.original, picture.compressed))
    difference = np.abs(before - after)
    gain = choose_gain(difference)
    return PictureRow(
        label=picture.label,
        name=picture.name,
        drop_db=picture.drop_db,
        width=before.shape[1],
        height=before.shape[0],
        gain=gain,
        original=data_uri(before),
        compressed=data_uri(after),
        difference=data_uri(np.minimum(difference * gain, 1), DIFFERENCE_QUALITY),
    )


def choose_gain(difference: F32) -> int:  # (h, w, 3) >= 0
    """The largest round factor that leaves 99.5 % of the differences under full brightness.

    >>> choose_gain(np.full((2, 2, 3), 0.015, np.float32))
    50
    """
    bright = float(np.quantile(difference, 0.995))
    return max((gain for gain in GAINS if gain * bright <= 1), default=1)


def data_uri(image: F32, quality: int = JPEG_QUALITY) -> str:  # (h, w, 3)
    """A JPEG that stands in the page itself; values are clamped to [0, 1]."""
    import PIL.Image

    pixels = np.rint(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, format="JPEG", quality=quality, subsampling=0)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/jpeg;base64,{data}"

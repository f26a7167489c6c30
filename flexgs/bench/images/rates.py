# SPDX-License-Identifier: Apache-2.0
"""One image as a `.fgi` at one rate, and what other codecs make of the same bytes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flexgs.bench.images.codecs import CODECS, Curve, at_bytes, curve, psnr_of
from flexgs.errors import UsageError
from flexgs.image.encode import EncodeOptions, encode_picture
from flexgs.image.file import decode_image
from flexgs.image.pixels import Picture
from flexgs.image.render import render

RATES = (0.084, 0.25, 0.57)  # bits a pixel


@dataclass(frozen=True)
class RateRow:
    """One `.fgi` and its rivals."""

    image: str
    rate: float  # bits a pixel that were asked for
    size_bytes: int
    bpp: float
    count: int  # Gaussians
    psnr: float  # dB, of the file as decoded, in 8 bits
    encode_s: float
    decode_s: float  # bytes to picture, in memory
    others: dict[str, float | None] = field(default_factory=dict)  # dB at the same bytes


def other_curves(picture: Picture) -> dict[str, Curve]:
    """The curves of all other codecs for an image.

    Raises:
        UsageError: it is transparent.
    """
    if picture.values.shape[2] == 4:
        raise UsageError("a transparent image cannot be compared with a JPEG")
    return {name: curve(_pixels(picture.values), name) for name in CODECS}


def measure_rate(
    name: str,
    picture: Picture,
    rate: float,
    options: EncodeOptions,
    curves: Mapping[str, Curve],
) -> RateRow:
    """Encodes at a rate with `options`, whose target must be that rate; see `RateRow`."""
    start = time.perf_counter()
    data = encode_picture(picture, options).data
    middle = time.perf_counter()
    splats = decode_image(data)
    shown = _pixels(render(splats, threads=options.threads))
    end = time.perf_counter()
    width, height = picture.size
    return RateRow(
        name,
        rate,
        len(data),
        8 * len(data) / (width * height),
        splats.n,
        psnr_of(_pixels(picture.values), shown),
        middle - start,
        end - middle,
        {other: at_bytes(points, len(data)) for other, points in curves.items()},
    )


def _pixels(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), dtype=np.uint8)

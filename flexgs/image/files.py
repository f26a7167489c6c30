# SPDX-License-Identifier: Apache-2.0
"""Pictures and `.fgi` files on disk: what `flexgs image` does, as functions."""

from __future__ import annotations

import csv
import io
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from flexgs.errors import UsageError
from flexgs.image.file import Head, open_fgi
from flexgs.image.file.unpack import Crop
from flexgs.image.pixels import Picture, check_picture_name, read_picture, write_picture
from flexgs.image.render import render
from flexgs.io.files import atomic_write, ensure_output, ensure_suffix

if TYPE_CHECKING:
    from flexgs.image.encode import EncodeOptions
    from flexgs.image.encode.press import Report, Stop
    from flexgs.image.encode.search import Trial
    from flexgs.image.fit import Moment

F32 = npt.NDArray[np.float32]
SUFFIX = ".fgi"


@dataclass(frozen=True)
class EncodedFile:
    """A `.fgi` that was written, measured as decoded from disk."""

    width: int
    height: int
    channels: int
    size_bytes: int
    bpp: float
    count: int  # Gaussians
    bits_each: float
    psnr: float  # dB, of pixels rounded as the source's are
    reached: bool
    seconds: float
    trials: tuple[Trial, ...]

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class DecodedFile:
    """A picture that was drawn."""

    width: int
    height: int
    gaussians: int
    bytes_read: int
    bytes_total: int


def encode_file(
    picture: str | Path,
    output: str | Path,
    options: EncodeOptions,
    *,
    force: bool = False,
    metrics_csv: str | Path | None = None,
    report: Report = lambda _moment: None,
    stop: Stop = lambda: False,
) -> EncodedFile:
    """Encodes a picture; the output appears whole or not at all, and is decoded again.

    Raises:
        UsageError: an output cannot be written. FormatError: the picture cannot be read.
        SearchError: the target cannot be reached.
    """
    from flexgs.image.encode import encode_picture

    ensure_suffix(output, SUFFIX)
    ensure_output(output, force, [picture])
    if metrics_csv is not None:
        ensure_output(metrics_csv, force, [picture, output])
    source = read_picture(picture)
    heard: list[tuple[float, Moment]] = []
    start = time.perf_counter()

    def hear(moment: Moment) -> None:
        heard.append((time.perf_counter() - start, moment))
        report(moment)

    found = encode_picture(source, options, report=hear, stop=stop)
    seconds = time.perf_counter() - start
    with atomic_write(output) as file:
        file.write(found.data)
    if metrics_csv is not None:
        with atomic_write(metrics_csv) as file:
            file.write(_metrics(heard, found.trials).encode())
    with open_fgi(output) as opened:
        splats = opened.splats()
    width, height = source.size
    size = len(found.data)
    return EncodedFile(
        width,
        height,
        source.values.shape[2],
        size,
        8 * size / (width * height),
        splats.n,
        8 * size / max(splats.n, 1),
        rounded_psnr(source, render(splats, threads=options.threads)),
        found.reached,
        seconds,
        found.trials,
    )


def rounded_psnr(source: Picture, shown: F32) -> float:
    """dB between a picture and what is shown of it with as many bits a channel."""
    most = 65535 if source.deep else 255
    pixels = np.rint(np.clip(shown, 0, 1) * most) / most
    error = float(np.mean((pixels - source.values) ** 2, dtype=np.float64))
    return -10 * math.log10(max(error, 1e-12))


def _metrics(heard: list[tuple[float, Moment]], trials: tuple[Trial, ...]) -> str:
    """Two kinds of rows: moments of fits, and files that were made."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["kind", "seconds", "step", "gaussians", "psnr", "bytes", "quality"])
    for seconds, moment in heard:
        rows.writerow(
            ["fit", f"{seconds:.3f}", moment.step, moment.n, f"{moment.psnr:.4f}", "", ""]
        )
    for trial in trials:
        rows.writerow(["file", "", "", trial.count, f"{trial.psnr:.4f}", trial.size, trial.quality])
    return text.getvalue()


def parse_crop(numbers: tuple[float, ...]) -> Crop:
    """Four whole numbers.

    Raises:
        UsageError: they are not.
    """
    if any(number != int(number) for number in numbers):
        raise UsageError("a crop is of whole pixels", found=numbers)
    x0, y0, x1, y1 = (int(number) for number in numbers)
    return x0, y0, x1, y1


def decode_file(
    file: str | Path,
    output: str | Path,
    *,
    crop: Crop | None = None,
    zoom: float = 1.0,
    force: bool = False,
    threads: int | None = None,
) -> DecodedFile:
    """Draws a `.fgi`, or a crop of it, reading no more than that needs.

    Args:
        crop: in pixels of what is drawn, after zoom.

    Raises:
        UsageError: the output cannot be written, or the crop is not inside of the picture.
        FormatError: the file is no `.fgi`.
    """
    check_picture_name(output)
    ensure_output(output, force, [file])
    with open_fgi(file) as opened:
        deep = opened.head.deep
        splats = opened.splats(None if crop is None else source_crop(crop, zoom))
        shown = render(splats, crop=crop, zoom=zoom, threads=threads)
        done = DecodedFile(shown.shape[1], shown.shape[0], splats.n, opened.bytes_read, opened.size)
    write_picture(output, shown, deep)
    return done


def source_crop(crop: Crop, zoom: float) -> Crop:
    """The image's pixels that a crop of a zoomed picture shows; with a rim for antialiasing.

    Raises:
        UsageError: zoom is not a positive number.
    """
    if not (math.isfinite(zoom) and zoom > 0):
        raise UsageError("not a zoom", expected="a number above 0", found=zoom)
    rim = 0 if zoom >= 1 else math.ceil(1 / zoom) + 1
    x0, y0, x1, y1 = crop
    return (
        math.floor(x0 / zoom) - rim,
        math.floor(y0 / zoom) - rim,
        math.ceil(x1 / zoom) + rim,
        math.ceil(y1 / zoom) + rim,
    )


def image_facts(file: str | Path) -> dict[str, Any]:
    """What a `.fgi` says about itself; all of it is decoded.

    Raises:
        FormatError: it is none, or damaged.
    """
    with open_fgi(file) as opened:
        head, size = opened.head, opened.size
        splats = opened.splats()
    plan = head.plan
    pixels = plan.width * plan.height
    return {
        "width": plan.width,
        "height": plan.height,
        "channels": plan.channels,
        "bits_a_channel": 16 if head.deep else 8,
        "gaussians": splats.n,
        "bytes": size,
        "bits_a_pixel": 8 * size / pixels,
        "bits_a_gaussian": 8 * size / max(splats.n, 1),
        "amplitude_step": plan.step,
        "cell_pixels": 1 << plan.cell_bits,
        **_tiles(head),
    }


def _tiles(head: Head) -> dict[str, Any]:
    if head.tiling is None:
        return {"tiles": "none"}
    return {
        "tiles": len(head.counts) - 1,
        "tile_pixels": 1 << head.tiling.bits,
        "tile_margin_pixels": head.tiling.margin,
        "gaussians_outside_tiles": head.counts[0],
    }

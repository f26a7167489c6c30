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
from flexgs.image.file.unpack import Crop
from flexgs.image.pixels import Picture, check_picture_name, read_picture, write_picture
from flexgs.image.pyramid.file import open_pyramid
from flexgs.image.pyramid.model import level_size, render_pyramid
from flexgs.io.files import atomic_write, ensure_output, ensure_suffix

if TYPE_CHECKING:
    from flexgs.image.encode import EncodeOptions
    from flexgs.image.encode.press import Report, Stop
    from flexgs.image.encode.search import Trial
    from flexgs.image.fit import Moment
    from flexgs.image.pyramid.file import PyramidHead
    from flexgs.image.pyramid.model import Pyramid

F32 = npt.NDArray[np.float32]
SUFFIX = ".fgi"


@dataclass(frozen=True)
class LevelFacts:
    """One level of a file of several."""

    width: int  # pixels of its own picture
    height: int
    count: int  # Gaussians that it adds
    ends_at: int  # bytes of the file up to its end: a preview
    psnr: float  # dB of its own picture against the image reduced to that size


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
    levels: tuple[LevelFacts, ...] = ()  # of a file of several

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
    levels: int  # that were drawn
    levels_there: int  # complete ones; fewer than in all: a preview
    levels_total: int


def encode_file(
    picture: str | Path,
    output: str | Path,
    options: EncodeOptions,
    *,
    levels: int = 1,
    force: bool = False,
    metrics_csv: str | Path | None = None,
    report: Report = lambda _moment: None,
    stop: Stop = lambda: False,
) -> EncodedFile:
    """Encodes a picture; the output appears whole or not at all, and is decoded again.

    Args:
        levels: more than one make a pyramid, see `flexgs.image.pyramid`.

    Raises:
        UsageError: an output cannot be written, or so many levels cannot be.
        FormatError: the picture cannot be read. SearchError: the target cannot be reached.
    """
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

    data, trials, reached, level_psnr = _encoded(source, options, levels, hear, stop)
    seconds = time.perf_counter() - start
    with atomic_write(output) as file:
        file.write(data)
    if metrics_csv is not None:
        with atomic_write(metrics_csv) as file:
            file.write(_metrics(heard, trials).encode())
    with open_pyramid(output) as opened:
        head, pyramid = opened.head, opened.pyramid()
    return EncodedFile(
        head.width,
        head.height,
        source.values.shape[2],
        len(data),
        8 * len(data) / source.pixels,
        pyramid.n,
        8 * len(data) / max(pyramid.n, 1),
        rounded_psnr(source, render_pyramid(pyramid, threads=options.threads)),
        reached,
        seconds,
        trials,
        _level_facts(head, pyramid, level_psnr),
    )


def _encoded(
    source: Picture, options: EncodeOptions, levels: int, report: Report, stop: Stop
) -> tuple[bytes, tuple[Trial, ...], bool, tuple[float, ...]]:
    """A file, those on the way, whether the target was reached, dB of each of several levels."""
    if levels == 1:
        from flexgs.image.encode import encode_picture

        plain = encode_picture(source, options, report=report, stop=stop)
        return plain.data, plain.trials, plain.reached, ()
    from flexgs.image.pyramid.encode import encode_pyramid

    found = encode_pyramid(source, options, levels, report=report, stop=stop)
    return found.pressed.data, found.trials, found.reached, found.pressed.level_psnr


def _level_facts(
    head: PyramidHead, pyramid: Pyramid, psnr: tuple[float, ...]
) -> tuple[LevelFacts, ...]:
    """Nothing for a plain file."""
    sizes = (level_size(head.width, head.height, head.total - 1 - k) for k in range(head.total))
    return tuple(
        LevelFacts(*size, pyramid.levels[k].n, head.offset(k + 1), level_psnr)
        for k, (size, level_psnr) in enumerate(zip(sizes, psnr, strict=False))
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
    """Draws a `.fgi`, or a crop of it, reading no more than that and its levels need.

    Args:
        crop: in pixels of what is drawn, after zoom.

    Raises:
        UsageError: the output cannot be written, or the crop is not inside of the picture.
        FormatError: the file is no `.fgi`.
    """
    check_picture_name(output)
    ensure_output(output, force, [file])
    needed = None if crop is None else source_crop(crop, zoom)
    with open_pyramid(file) as opened:
        pyramid = opened.pyramid(zoom, needed)
        shown = render_pyramid(pyramid, crop, zoom, threads)
    write_picture(output, shown, opened.deep)
    return DecodedFile(
        shown.shape[1],
        shown.shape[0],
        pyramid.n,
        opened.bytes_read,
        opened.size,
        len(pyramid.levels),
        opened.reached,
        opened.head.total,
    )


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

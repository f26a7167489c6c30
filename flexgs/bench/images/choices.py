# SPDX-License-Identifier: Apache-2.0
"""What each choice of a fit brings: one changed at a time, all else as it is by default."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

from flexgs.bench.images.quantisers import QuantiserRow, measure_quantisers
from flexgs.image.encode import EncodeOptions, encode_picture
from flexgs.image.encode.search import Made
from flexgs.image.fit import FitOptions, Growth, Loss, fit
from flexgs.image.pixels import Picture
from flexgs.image.pyramid.encode import encode_pyramid

Change = Callable[[FitOptions], FitOptions]
DEFAULT = "default"

# group, choice, what it changes
CHOICES: tuple[tuple[str, str, Change], ...] = (
    ("all", DEFAULT, lambda o: o),
    ("start", "random", lambda o: replace(o, start="random")),
    ("start", "superpixels", lambda o: replace(o, start="superpixels")),
    ("start", "30 steps of L-BFGS first", lambda o: replace(o, lbfgs_steps=30)),
    ("shapes", "cholesky", lambda o: replace(o, shapes="cholesky")),
    ("shapes", "rotation", lambda o: replace(o, shapes="rotation")),
    ("compositing", "layers", lambda o: replace(o, layers=True)),
    ("growth", "none", lambda o: replace(o, growth=Growth(rounds=0))),
    ("growth", "split", lambda o: replace(o, growth=Growth(how="split"))),
    ("growth", "clone", lambda o: replace(o, growth=Growth(how="clone"))),
    ("growth", "without replacing", lambda o: replace(o, growth=Growth(replace_share=0.0))),
    ("loss", "L1", lambda o: replace(o, loss=Loss(l2=0.0, l1=1.0))),
    ("loss", "L2 + 0.2 L1", lambda o: replace(o, loss=Loss(l1=0.2))),
    ("loss", "L2 + 0.02 (1 - SSIM)", lambda o: replace(o, loss=Loss(ssim=0.02))),
    ("rates", "by 1/sqrt(N)", lambda o: replace(o, rates_by_count=True)),
    ("resolution", "coarse to fine", lambda o: replace(o, coarse_shares=(0.15, 0.1))),
)
FILES = "file"  # the group of what is measured on files


@dataclass(frozen=True)
class ChoiceRow:
    """One choice on one image."""

    image: str
    group: str
    choice: str
    psnr: float  # dB; of floats, in the group of files as decoded
    gain: float  # dB over the default
    seconds: float
    size_bytes: int | None = None  # in the group of files


def measure_choices(
    name: str, picture: Picture, count: int, steps: int, threads: int | None = None
) -> tuple[list[ChoiceRow], list[QuantiserRow]]:
    """All choices at the same number of Gaussians and steps; superpixels if scikit-image is there.

    Fits are in floats, and the default's Gaussians are what quantisers are compared on. Rounding in
    the loop and levels are compared on files of one count, their size being part of the result.
    """
    rows: list[ChoiceRow] = []
    quantisers: list[QuantiserRow] = []
    for group, choice, change in CHOICES:
        if choice == "superpixels" and find_spec("skimage") is None:
            continue
        options = change(FitOptions(count, steps=steps, threads=threads))
        start = time.perf_counter()
        found = fit(picture.values, options)
        seconds = time.perf_counter() - start
        if choice == DEFAULT:
            quantisers = measure_quantisers(name, picture.values, found.splats, found.psnr)
        base = rows[0].psnr if rows else found.psnr
        rows.append(ChoiceRow(name, group, choice, found.psnr, found.psnr - base, seconds))
    return [*rows, *_files(name, picture, count, steps, threads)], quantisers


def _files(
    name: str, picture: Picture, count: int, steps: int, threads: int | None
) -> list[ChoiceRow]:
    rows: list[ChoiceRow] = []
    aware = EncodeOptions(count=count, steps=steps, preset="fast", threads=threads)
    apart = replace(aware, quantise_training=False)
    makes: dict[str, Callable[[], Made]] = {
        DEFAULT: lambda: encode_picture(picture, aware).pressed,
        "fitted in floats": lambda: encode_picture(picture, apart).pressed,
        "three levels": lambda: encode_pyramid(picture, aware, 3).pressed,
    }
    for choice, make in makes.items():
        start = time.perf_counter()
        made = make()
        seconds = time.perf_counter() - start
        gain = made.psnr - rows[0].psnr if rows else 0.0
        rows.append(ChoiceRow(name, FILES, choice, made.psnr, gain, seconds, len(made.data)))
    return rows

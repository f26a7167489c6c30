# SPDX-License-Identifier: Apache-2.0
"""Rate and distortion of `.fgi` files beside JPEG, JPEG 2000 and AVIF, at the same bytes.

    python benchmarks/image_rd.py FOLDER -o image_rd.jsonl [--images 6] [--rates .084 .25 .57]
    python benchmarks/image_rd.py --table image_rd.jsonl

One line of JSON an image and rate; what the output holds already is not done again. Every file is
complete, decoded from its bytes, rounded to 8 bits and compared in RGB. The other codecs are made
at many qualities, and their PSNR is interpolated over the logarithm of the bytes at the bytes that
the `.fgi` took. JPEG is 4:2:0, optimised and progressive. Rows of a rate are means over images.
`flexgs image bench` does the same in one go.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from flexgs.bench.images.codecs import at_bytes, curve, psnr_of
from flexgs.image.encode import EncodeOptions, encode_picture
from flexgs.image.file import decode_image
from flexgs.image.pixels import read_picture
from flexgs.image.render import render
from flexgs.io.appending import append_line

RATES = (0.084, 0.25, 0.57)
BARS = {0.084: 25.3, 0.25: 27.8, 0.57: 30.0}  # dB, mean of Kodak (issue 6)
CODECS = {"jpeg": "JPEG", "jpeg2000": "JPEG 2000", "avif": "AVIF"}  # of the rows


def measure(path: Path, rate: float, args: argparse.Namespace) -> dict[str, Any]:
    """One image at one rate."""
    picture = read_picture(path)
    pixels = np.rint(picture.values * 255).astype(np.uint8)
    options = EncodeOptions(
        target_bpp=rate,
        preset=args.preset,
        steps=args.steps,
        best_effort=True,
        threads=args.threads,
        quantise_training=not args.float_training,
    )
    start = time.perf_counter()
    encoded = encode_picture(picture, options)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    shown = np.clip(render(decode_image(encoded.data), threads=args.threads), 0, 1)
    decoding = time.perf_counter() - start
    size = len(encoded.data)
    row: dict[str, Any] = {
        "image": path.stem,
        "rate": rate,
        "bytes": size,
        "bpp": 8 * size / (pixels.shape[0] * pixels.shape[1]),
        "count": encoded.pressed.count,
        "bits_each": 8 * size / max(encoded.pressed.count, 1),
        "fgi": psnr_of(pixels, np.rint(shown * 255).astype(np.uint8)),
        "encode_s": seconds,
        "decode_s": decoding,
        "preset": args.preset,
        "steps": options.effort.steps,
    }
    for name in CODECS:
        row[name] = at_bytes(curve(pixels, CODECS[name]), size)
    return row


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """What is there already."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def table(rows: list[dict[str, Any]]) -> str:
    """Means over the images that have all rates."""
    rates = sorted({row["rate"] for row in rows})
    have = [{row["image"] for row in rows if row["rate"] == rate} for rate in rates]
    images = set.intersection(*have) if have else set()
    lines = [
        f"{len(images)} images: {' '.join(sorted(images))}",
        "",
        "| bpp | bytes each | Gaussians | bits each | .fgi | JPEG | JPEG 2000 | AVIF | bar | s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]

    def mean(rate: float, name: str, digits: int) -> str:
        values = [row[name] for row in rows if row["rate"] == rate and row["image"] in images]
        known = [value for value in values if value is not None]
        if not known:
            return "-"
        short = "" if len(known) == len(values) else f" ({len(known)})"
        return f"{np.mean(known):.{digits}f}{short}"

    for rate in rates:
        cells = [mean(rate, "bpp", 4), mean(rate, "bytes", 0), mean(rate, "count", 0)]
        cells += [mean(rate, "bits_each", 1), mean(rate, "fgi", 2)]
        cells += [mean(rate, name, 2) for name in CODECS]
        cells += [f"{BARS[rate]}" if rate in BARS else "-", mean(rate, "encode_s", 0)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--images", type=int, help="at most so many, spread over the folder")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--float-training", action="store_true", help="no quantiser in the fit")
    args = parser.parse_args()
    if args.table is not None:
        print(table(list(rows_of(args.table))))
        return
    if args.folder is None or args.output is None:
        parser.error("a folder of images and --output are needed")
    paths = sorted(args.folder.glob("*.png"))
    if args.images is not None and args.images < len(paths):
        paths = [paths[k * len(paths) // args.images] for k in range(args.images)]
    done = {(row["image"], row["rate"]) for row in rows_of(args.output)}
    for path in paths:
        for rate in args.rates:
            if (path.stem, rate) not in done:
                row = measure(path, rate, args)
                append_line(args.output, json.dumps(row).encode())
                print({name: row[name] for name in ("image", "bpp", "fgi", "jpeg", "encode_s")})
    print(table(list(rows_of(args.output))))


if __name__ == "__main__":
    main()

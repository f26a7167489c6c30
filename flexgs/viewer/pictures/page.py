# SPDX-License-Identifier: Apache-2.0
"""What the browser gets: a page, what there is to show, tiles as they are asked for."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from flexgs.errors import UsageError
from flexgs.image.files import rounded_psnr
from flexgs.image.pixels import Picture
from flexgs.image.pyramid.model import joined, reduced
from flexgs.image.render import render
from flexgs.viewer.page import Content
from flexgs.viewer.pictures.tiles import MAX_EXPONENT, MIN_EXPONENT, SIDE, Shown, to_rgba
from flexgs.viewer.server import LOOPBACK, PageServer, open_server

STATIC = Path(__file__).parent / "static"
FILES = ("index.html", "picture.js", "tiles.js", "picture.css")
ORIGINAL_SIDE = 4096  # pixels; a larger original is shown smaller
_TILE = re.compile(r"tile-(\d)-(-?\d{1,2})-(\d{1,6})-(\d{1,6})\.bin", re.ASCII)


def open_picture_server(
    shown: Shown, original: Picture | None = None, host: str = LOOPBACK, port: int = 0
) -> PageServer:
    """A server that listens; see `flexgs.viewer.server`. Port 0 takes any that is free.

    Raises:
        UsageError: it cannot listen there, or the original is another image's.
    """
    return open_server(page_files(shown, original), host, port, make=lambda n: made(shown, n))


def page_files(shown: Shown, original: Picture | None) -> dict[str, Content]:
    """Every file of the page but the tiles.

    Raises:
        UsageError: the original is of another size or other channels.
    """
    if original is not None:
        _check_same(shown, original)
    files: dict[str, Content] = {name: (STATIC / name).read_bytes() for name in FILES}
    facts: dict[str, Any] = {
        "name": shown.name,
        "width": shown.width,
        "height": shown.height,
        "total": shown.pyramid.total,
        "tile": SIDE,
        "exponents": [MIN_EXPONENT, MAX_EXPONENT],
        "size_bytes": shown.size,
        "levels": _levels(shown, original),
        "original": None,
    }
    if original is not None:
        halvings = max(0, math.ceil(math.log2(max(original.size) / ORIGINAL_SIDE)))
        pixels = to_rgba(reduced(original.values, halvings))
        files["original.bin"] = pixels.tobytes()
        facts["original"] = {
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "scale": 0.5**halvings,
        }
    files["page.json"] = json.dumps(facts).encode("ascii")
    return files


def made(shown: Shown, name: str) -> bytes | None:
    """The tile of a request's name, or None."""
    match = _TILE.fullmatch(name)
    return None if match is None else shown.tile(*(int(group) for group in match.groups()))


def _check_same(shown: Shown, original: Picture) -> None:
    have = (*original.size, original.values.shape[2])
    want = (shown.width, shown.height, shown.pyramid.levels[0].channels)
    if have != want:
        raise UsageError(
            "the original is another image",
            expected="{}x{} of {} channels".format(*want),
            found="{}x{} of {}".format(*have),
        )


def _levels(shown: Shown, original: Picture | None) -> list[dict[str, Any]]:
    """What each level adds and what the picture up to it costs and, with an original, has."""
    levels, pixels = [], shown.width * shown.height
    for k, (level, end) in enumerate(zip(shown.pyramid.levels, shown.ends, strict=True)):
        psnr = None
        if original is not None:
            psnr = rounded_psnr(original, render(joined(shown.pyramid.levels[: k + 1])))
        levels.append({"count": level.n, "bpp": 8 * end / pixels, "psnr": psnr})
    return levels

# SPDX-License-Identifier: Apache-2.0
"""cameras.txt and images.txt: a line a camera, two lines an image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flexgs.errors import Corrupt, TooLarge, UsageError
from flexgs.io.cameras.colmap_models import MODELS, Lens, Shot, unknown_model
from flexgs.io.files import file_size
from flexgs.limits import MAX_CAMERAS

_BY_NAME = {model.name: model for model in MODELS}
_MAX_LINE_BYTES = 64 * 1024  # of the lines that matter; those of 2-D points are skipped in pieces


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, start of the line), comments left out, blank lines kept; bounded memory."""
    file_size(path)
    try:
        with open(path, "rb") as file:
            number = 0
            while piece := file.readline(_MAX_LINE_BYTES):
                number += 1
                line = piece
                while piece and not piece.endswith(b"\n"):
                    piece = file.readline(_MAX_LINE_BYTES)
                if not line.lstrip().startswith(b"#"):
                    yield number, line.decode("utf-8", errors="replace").strip()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error


def _corrupt(path: Path, number: int, expected: str, line: str) -> Corrupt:
    return Corrupt(
        "a line that cannot be read",
        path=path,
        section=f"line {number}",
        expected=expected,
        found=repr(line[:60]),
    )


def read_lenses(path: Path) -> dict[int, Lens]:
    """cameras.txt by camera id.

    Raises:
        UsageError: the file cannot be read. FormatError: broken, or an unknown model.
    """
    lenses: dict[int, Lens] = {}
    expected = "CAMERA_ID MODEL WIDTH HEIGHT PARAMS"
    for number, line in _lines(path):
        if not line:
            continue
        words = line.split()
        if len(words) < 4:
            raise _corrupt(path, number, expected, line)
        if words[1] not in _BY_NAME:
            raise unknown_model(path, words[1][:40])
        model = _BY_NAME[words[1]]
        try:
            lens_id, width, height = int(words[0]), int(words[2]), int(words[3])
            numbers = tuple(float(word) for word in words[4:])
        except ValueError as error:
            raise _corrupt(path, number, expected, line) from error
        if len(numbers) != model.parameters:
            raise _corrupt(path, number, f"{model.parameters} parameters", line)
        lenses[lens_id] = Lens(model, width, height, numbers)
        _check_count(path, len(lenses))
    return lenses


def read_shots(path: Path) -> list[Shot]:
    """images.txt in file order; the lines of 2-D points are skipped.

    Raises:
        UsageError: the file cannot be read. FormatError: broken.
    """
    shots: list[Shot] = []
    lines = _lines(path)
    for number, line in lines:
        if not line:
            continue
        words = line.split(maxsplit=9)
        try:
            quat = tuple(float(word) for word in words[1:5])
            translation = tuple(float(word) for word in words[5:8])
            shots.append(Shot(words[9], int(words[8]), quat, translation))
        except (ValueError, IndexError) as error:
            expected = "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"
            raise _corrupt(path, number, expected, line) from error
        _check_count(path, len(shots))
        next(lines, None)  # its 2-D points: always a line, blank when there are none
    return shots


def _check_count(path: Path, count: int) -> None:
    if count > MAX_CAMERAS:
        raise TooLarge("too many cameras", path=path, expected=MAX_CAMERAS, found=count)

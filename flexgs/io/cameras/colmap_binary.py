# SPDX-License-Identifier: Apache-2.0
"""cameras.bin and images.bin: little-endian records behind a 64-bit count."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from flexgs.errors import Corrupt, TooLarge, Truncated, UsageError
from flexgs.io.cameras.colmap_models import MODELS, Lens, Shot, unknown_model
from flexgs.io.files import file_size
from flexgs.limits import MAX_CAMERAS

T = TypeVar("T")

_COUNT = struct.Struct("<Q")
_LENS = struct.Struct("<iiQQ")  # id, model, width, height; then its numbers
_SHOT = struct.Struct("<i7di")  # id, rotation w x y z, translation, camera id; then the name
_POINT_BYTES = 24  # x, y, id of the 3-D point
_MAX_NAME_BYTES = 4096


class _Cursor:
    """A position in a mapped file; every step checks that the file goes that far."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data = data
        self.path = path
        self.at = 0

    def truncated(self, wanted: int) -> Truncated:
        return Truncated(
            "the file ends early",
            path=self.path,
            offset=self.at,
            expected=f"{wanted} more bytes",
            found=len(self.data) - self.at,
        )

    def skip(self, count: int) -> None:
        if count > len(self.data) - self.at:
            raise self.truncated(count)
        self.at += count

    def take(self, record: struct.Struct) -> tuple[int | float, ...]:
        start = self.at
        self.skip(record.size)
        return record.unpack_from(self.data, start)

    def count(self, record_bytes: int) -> int:
        """A 64-bit count of records of at least `record_bytes` each."""
        value = int(self.take(_COUNT)[0])
        if value * record_bytes > len(self.data) - self.at:
            raise self.truncated(value * record_bytes)
        return value

    def name(self) -> str:
        end = self.data.find(b"\0", self.at, self.at + _MAX_NAME_BYTES)
        if end < 0:
            raise Corrupt("a name has no end", path=self.path, offset=self.at)
        text = self.data[self.at : end].decode("utf-8", errors="replace")
        self.at = end + 1
        return text


def _read(path: Path, record_bytes: int, one: Callable[[_Cursor], T]) -> list[T]:
    if file_size(path) == 0:
        raise Truncated("the file is empty", path=path, offset=0, expected="a count", found=0)
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            cursor = _Cursor(data, path)
            count = cursor.count(record_bytes)
            if count > MAX_CAMERAS:
                raise TooLarge("too many cameras", path=path, expected=MAX_CAMERAS, found=count)
            entries = [one(cursor) for _ in range(count)]
            if cursor.at != len(data):
                raise Corrupt(
                    "bytes after the last record",
                    path=path,
                    offset=cursor.at,
                    expected="the end",
                    found=f"{len(data) - cursor.at} bytes",
                )
            return entries
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path=path) from error


def _lens(cursor: _Cursor) -> tuple[int, Lens]:
    lens_id, model_id, width, height = (int(x) for x in cursor.take(_LENS))
    if not 0 <= model_id < len(MODELS):
        raise unknown_model(cursor.path, model_id)
    model = MODELS[model_id]
    return lens_id, Lens(model, width, height, cursor.take(struct.Struct(f"<{model.parameters}d")))


def _shot(cursor: _Cursor) -> Shot:
    _, *pose, lens_id = cursor.take(_SHOT)
    name = cursor.name()
    points = cursor.count(_POINT_BYTES)
    cursor.skip(points * _POINT_BYTES)  # millions in a large scene; nothing here needs them
    return Shot(name, int(lens_id), tuple(pose[:4]), tuple(pose[4:]))


def read_lenses(path: Path) -> dict[int, Lens]:
    """cameras.bin by camera id.

    Raises:
        UsageError: the file cannot be read. FormatError: broken, or an unknown model.
    """
    return dict(_read(path, _LENS.size + 3 * 8, _lens))


def read_shots(path: Path) -> list[Shot]:
    """images.bin in file order; 2-D points are skipped, not read.

    Raises:
        UsageError: the file cannot be read. FormatError: broken.
    """
    return _read(path, _SHOT.size + 1 + _COUNT.size, _shot)
